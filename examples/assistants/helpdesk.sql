-- The database behind the helpdesk.
CREATE TABLE tickets (id TEXT PRIMARY KEY, customer TEXT NOT NULL, subject TEXT NOT NULL, status TEXT NOT NULL);
INSERT INTO tickets VALUES
  ('T-1', 'acme', 'Invoice 4711 was charged twice', 'open'),
  ('T-2', 'acme', 'Where do I change the address?', 'open'),
  ('T-3', 'globex', 'Nobody can log in since Monday', 'open');
