"""What tool servers really show: seen, compared with what was approved, written down, reported.

Which names a gateway may show and call follows from a pin alone; what a scan has to say about them is advice.
"""
