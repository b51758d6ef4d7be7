"""Policies for people to look at: as a flow chart, and two versions compared in words."""
