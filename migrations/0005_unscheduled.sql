-- What the scheduler asks for: daemon pods that it has to look at, and whether pods keep others away from them. Both are
-- rare, and an index of nothing costs nothing.
CREATE INDEX pods_unscheduled ON pods (observation) WHERE observation = -2;

CREATE INDEX pod_templates_keeping_away ON pod_templates (id)
  WHERE body->'$.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution' IS NOT NULL;
