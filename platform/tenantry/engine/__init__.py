"""The machinery: claims, settles, ends, dispatches and repairs. Decides nothing of a plan."""
