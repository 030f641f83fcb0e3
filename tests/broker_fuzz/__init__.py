"""Random lives of connections: whose connection goes out, against a model that cannot mix anybody up."""
