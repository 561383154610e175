// The manifests that the stories apply, as users write them.

export const fluentd = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: fluentd
  labels:
    app: fluentd
spec:
  selector:
    matchLabels:
      app: fluentd
  template:
    metadata:
      labels:
        app: fluentd
    spec:
      containers:
        - name: fluentd
          image: fluent/fluentd:v1.16
`;

/** The DaemonSet of the Kubernetes documentation. */
export const fluentdElasticsearch = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: fluentd-elasticsearch
  namespace: kube-system
  labels:
    k8s-app: fluentd-logging
spec:
  selector:
    matchLabels:
      name: fluentd-elasticsearch
  template:
    metadata:
      labels:
        name: fluentd-elasticsearch
    spec:
      tolerations:
        - key: node-role.kubernetes.io/control-plane
          operator: Exists
          effect: NoSchedule
        - key: node-role.kubernetes.io/master
          operator: Exists
          effect: NoSchedule
      containers:
        - name: fluentd-elasticsearch
          image: quay.io/fluentd_elasticsearch/fluentd:v5.0.1
          resources:
            limits:
              memory: 200Mi
            requests:
              cpu: 100m
              memory: 200Mi
          volumeMounts:
            - name: varlog
              mountPath: /var/log
      terminationGracePeriodSeconds: 30
      volumes:
        - name: varlog
          hostPath:
            path: /var/log
`;

export const nginxFastStorage = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: nginx-fast-storage
spec:
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      nodeSelector:
        ssd: "true"
      containers:
        - name: nginx
          image: nginx:1.25
`;

export const datastore = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: datastore
spec:
  selector:
    matchLabels:
      app: datastore
  template:
    metadata:
      labels:
        app: datastore
    spec:
      nodeSelector:
        app: datastore-node
      containers:
        - name: datastore
          image: cassandra:4
          ports:
            - name: cql
              containerPort: 9042
`;

/** A daemon that really runs, and does something at once when it is told to end. */
export const ticker = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ticker
spec:
  selector:
    matchLabels:
      app: ticker
  template:
    metadata:
      labels:
        app: ticker
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: ticker
          image: busybox:1.36
          command: ["/bin/sh", "-c", "trap 'exit 0' TERM; while true; do echo tick on $(NODE_NAME); sleep 1 & wait $!; done"]
          env:
            - name: NODE_NAME
              valueFrom:
                fieldRef:
                  fieldPath: spec.nodeName
`;

/** A log collector with all that such manifests bring along. */
export const logCollector = `
apiVersion: v1
kind: Namespace
metadata: {name: logging}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: collector, namespace: logging}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: log-collector}
rules:
- apiGroups: [""]
  resources: [namespaces, pods]
  verbs: [get, list, watch]
- nonResourceURLs: [/metrics]
  verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: log-collector}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: log-collector}
subjects: [{kind: ServiceAccount, name: collector, namespace: logging}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: leader, namespace: logging}
rules: [{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: leader, namespace: logging}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: leader}
subjects: [{kind: ServiceAccount, name: collector, namespace: logging}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: collector, namespace: logging}
data: {collector.conf: "input = /var/log"}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: collector, namespace: logging}
spec:
  selector: {matchLabels: {app: collector}}
  template:
    metadata: {labels: {app: collector}}
    spec:
      serviceAccountName: collector
      containers:
      - name: collector
        image: example/collector:1
        volumeMounts:
        - {name: config, mountPath: /etc/collector}
      volumes:
      - name: config
        configMap: {name: collector}
`;
