package k8s_test

import "testing"

func TestRules_Pods_MayDoNoMoreThanTheyMust(t *testing.T) {
	t.Parallel()
	requireAllKept(t)
	for _, c := range [][3]string{
		{"restricted", "runAsNonRoot: true", "runAsNonRoot: false"},
		{"restricted", "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}"},
		{"restricted", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"},
		{"restricted", "drop: [ALL]", "drop: [NET_RAW]"},
		{"restricted", "restartPolicy: OnFailure", "hostNetwork: true"},
		{"restricted", "emptyDir: {sizeLimit: 16Mi}", "hostPath: {path: /etc}"},
		{"restricted", "enforce: restricted", "enforce: baseline"},
		{"read-only", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"},
		{"no token", "automountServiceAccountToken: false\n      enableServiceLinks", "automountServiceAccountToken: true\n      enableServiceLinks"},
		{"own account", "serviceAccountName: transaction", "serviceAccountName: default"},
		{"own account", "serviceAccountName: operator", "serviceAccountName: nobody"},
		{"resources", "requests: {cpu: 200m, memory: 128Mi}", "requests: {memory: 128Mi}"},
		{"resources", "limits: {cpu: \"1\", memory: 256Mi}", "limits: {cpu: \"1\"}"},
		{"probes", "readinessProbe: {httpGet: {path: /readyz, port: http}", "readinessProbe: {httpGet: {path: /livez, port: http}"},
		{"probes", "livenessProbe: {httpGet: {path: /livez", "livenessProbe: {httpGet: {path: /readyz"},
		{"probes", "startupProbe: {httpGet: {path: /livez, port: http}", "startupProbe: {httpGet: {path: /livez, port: elsewhere}"},
	} {
		requireBroken(t, c[0], c[1], c[2])
	}
}
