package k8s_test

import "testing"

func TestRules_Network_OneWayInAndNoOther(t *testing.T) {
	t.Parallel()
	requireAllKept(t)
	const auth, peer = "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}]", "ports: [{port: 8000}, {port: 8001}]"
	for _, c := range [][3]string{
		{"deny first", "policyTypes: [Ingress, Egress]\n---", "policyTypes: [Ingress]\n---"},
		{"deny first", "  podSelector: {}\n  policyTypes: [Ingress, Egress]", "  podSelector: {}\n  ingress: [{}]\n  policyTypes: [Ingress, Egress]"},
		{"internal port", auth, "from: [{namespaceSelector: {}}]"},
		{"internal port", auth, "from: [{ipBlock: {cidr: 10.0.0.0/8}}]"},
		{"internal port", auth, "from: []"},
		{"internal port", auth, "from: [{podSelector: {}}]"},
		{"internal port", auth + "\n      ports: [{port: 8001}]", "from: [{podSelector: {matchLabels: {app: x}}}]\n      ports: []"},
		{"internal port", auth + "\n      ports: [{port: 8001}]", "from: [{namespaceSelector: {}}]\n      ports: [{port: 8000, endPort: 9000}]"},
		{"ways out", "to: [{podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}]", "to: [{ipBlock: {cidr: 0.0.0.0/0}}]"},
		{"ways out", peer, "ports: []"},
		{"way in", "path: /transaction", "path: /"},
		{"way in", "path: /transaction", "path: /internal"},
		{"way in", "path: /livez, pathType: Exact", "path: /livez, pathType: Prefix"},
		{"way in", "service: {name: auth, port: {name: http}}", "service: {name: auth, port: {name: internal}}"},
		{"way in", "service: {name: auth, port: {name: http}}", "service: {name: auth, port: {number: 8001}}"},
		{"way in", "backend: {service: {name: transaction,", "backend: {service: {name: nobody,"},
		{"services", "type: ClusterIP", "type: NodePort"},
		{"services", "type: ClusterIP", "type: LoadBalancer"},
		{"services", "{name: http, port: 8000,", "{name: http, port: 80,"},
		{"services", "{name: internal, port: 8001,", "{name: inner, port: 8001,"},
	} {
		requireBroken(t, c[0], c[1], c[2])
	}
}
