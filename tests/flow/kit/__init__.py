"""The flow test kit: the real process between scripted, byte-exact peers.

gateway.py starts and stops Sluice; origin.py plays origins (scripted, and an echo for load); client.py plays clients;
http1.py is the strict reader that both use as their opinion; waiting.py waits for states, never for times. conftest.py
makes fixtures of them.
"""
