"""What a policy would have made of the cases that came: stored routings, routed again beside what was decided."""
