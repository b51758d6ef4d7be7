"""What changes while the service runs: stops, peaks, trips, certificates; who asked, who signed, what was refused."""
