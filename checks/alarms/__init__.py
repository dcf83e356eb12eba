"""False alarms of the blocking rules on well-kept public code: measured, judged and told."""
