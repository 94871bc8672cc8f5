DROP TABLE domains;
DROP TABLE clients;
