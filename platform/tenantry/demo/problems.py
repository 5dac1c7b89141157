"""The one error of this room."""


class DemoProblem(Exception):
    """
    Something stands in the way of the demo, and only the person at the console can move it.

    The message is one or two whole sentences that say what is wrong and what to do; show it as it
    is, without a traceback.
    """
