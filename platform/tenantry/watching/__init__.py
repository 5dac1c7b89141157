"""
Watching what was deployed: probes, outages, sums, hostnames and the letters about them.

Its own process, in any number of copies: what is due is claimed by compare-and-set with a lease and
a fence, asked outside of every transaction, and kept in batches. Works on rows and ports only; a
probe that is lost with its process is made again at its next time.
"""
