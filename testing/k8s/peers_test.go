package k8s_test

import "testing"

func TestRules_Peers_EachReachesTheOthersInternalPort_AndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	requireAllKept(t)
	const (
		fromAuth        = "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}]"
		toAuth          = "to: [{podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}]"
		fromTransaction = "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: transaction}}}]"
		toTransaction   = "to: [{podSelector: {matchLabels: {app.kubernetes.io/name: transaction}}}]"
		twoPorts        = "ports: [{port: 8000}, {port: 8001}]"
	)
	for _, c := range [][2]string{
		// One of the two policies of a way is missing, or is for somebody else.
		{fromAuth, "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: author}}}]"},
		{fromTransaction, "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: transact}}}]"},
		{toAuth, "to: [{podSelector: {matchLabels: {app.kubernetes.io/name: author}}}]"},
		{toTransaction, "to: [{podSelector: {matchLabels: {app.kubernetes.io/name: transact}}}]"},
		{twoPorts, "ports: [{port: 8000}]"},
		{toTransaction + "\n      ports: [{port: 8001}]", toTransaction + "\n      ports: [{port: 8000}]"},
		// Named pods, but not those two, and not Prometheus.
		{fromAuth, "from: [{podSelector: {matchLabels: {micropay/database: client}}}]"},
		{fromAuth, "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}, {podSelector: {matchLabels: {app.kubernetes.io/name: audit}}}]"},
		{fromAuth, "from: [{podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}, {namespaceSelector: {}, podSelector: {matchLabels: {app.kubernetes.io/name: auth}}}]"},
		// The address that it asks is nobody's, or is not that port.
		{"dns://auth-pods:8001", "dns://auth-pods:8000"},
		{"dns://auth-pods:8001", "dns://auth-pod:8001"},
		{"TRANSACTION_URL", "TRANSACTIONS_URL"},
	} {
		requireBroken(t, "peers", c[0], c[1])
	}
}
