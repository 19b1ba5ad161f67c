DROP TABLE deliveries;
DROP TABLE session_clients;
