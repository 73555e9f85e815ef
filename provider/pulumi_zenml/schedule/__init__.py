"""What a Pulumi program sees of a schedule, and the dynamic provider behind it."""
