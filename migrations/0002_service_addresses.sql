-- An address belongs to one Service, whoever asks for it at the same moment.
CREATE UNIQUE INDEX services_by_address ON objects (body->>'$.spec.clusterIP')
  WHERE resource = 'services' AND body->>'$.spec.clusterIP' <> 'None';
