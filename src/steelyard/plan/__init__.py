"""The plan that binds parks, chains and regions: how far its targets are, where the curve goes, what to fund first."""
