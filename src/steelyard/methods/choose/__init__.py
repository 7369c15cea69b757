"""What to fund first: firms under budgets, provider-days and floors; leaders before suppliers; seeds; each with a certified bound."""
