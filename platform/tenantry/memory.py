"""What a process that lives long does about its memory."""

import gc

# Objects made beyond those that went, until the young ones are looked through. At the usual 700 a
# worker did that several times in each step, and found next to nothing: most of what it makes goes
# by itself.
YOUNG = 10_000


def keep_for_good() -> None:
    """
    Leaves whatever was loaded by now out of every later garbage collection.

    Modules, mappers and views stay as long as their process. To look through their 350,000 objects
    again stopped every thread for about 0.2 s, now and then, in the middle of somebody's page.
    Once, after a process has loaded its parts; safe to repeat.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
