"""The flow test kit: the real process between scripted, byte-exact peers.

gateway.py starts and stops Sluice; origin.py plays origins (scripted, an echo for load, a recorder); client.py plays
clients; stage.py is a gateway before a recorder, with the questions that tables of small cases ask; http1.py is the strict
reader that all use as their opinion; waiting.py waits for states, never for times. conftest.py makes fixtures of them.
"""
