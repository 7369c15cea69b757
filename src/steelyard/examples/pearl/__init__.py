"""The Pearl River delta: a factory, a chain and Guangdong's firms. Firms, machines and answers are synthetic;
the number of above-size firms per city is the published one of 2023.

``factory.simulate``, ``province.firms`` and ``chain.suppliers`` make tables; ``files.write`` writes them as CSV.
"""
