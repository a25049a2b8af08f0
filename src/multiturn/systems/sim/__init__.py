"""Systems in which a simulated user talks: problems told in pieces, personas, interviews, feelings."""
