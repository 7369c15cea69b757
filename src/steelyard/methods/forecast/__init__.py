"""What will be: S-curves of coverage with intervals that were tried on the past, firms over tiers, the chance of a target."""
