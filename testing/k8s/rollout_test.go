package k8s_test

import "testing"

func TestRules_RollOuts_DropNoRequest(t *testing.T) {
	t.Parallel()
	requireAllKept(t)
	for _, c := range [][3]string{
		{"no gap", "maxUnavailable: 0", "maxUnavailable: 1"},
		{"no gap", "type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}", "type: Recreate"},
		{"drain", "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 30"},
		{"drain", "SHUTDOWN_GRACE: 20s", "SHUTDOWN_GRACE: 27s"},
		{"drain", "DRAIN_DELAY: 8s", "DRAIN_DELAY: 0s"},
		{"drain", "lifecycle: {preStop: {sleep: {seconds: 5}}}", "lifecycle: {}"},
		{"autoscaling", "minReplicas: 2", "minReplicas: 1"},
		{"autoscaling", "name: cpu", "name: memory"},
		{"autoscaling", "stabilizationWindowSeconds: 300", "stabilizationWindowSeconds: 0"},
		{"autoscaling", "kind: Deployment, name: transaction", "kind: Deployment, name: nobody"},
		{"autoscaling", "revisionHistoryLimit: 5", "replicas: 2"},
		{"budget", "spec:\n  maxUnavailable: 1", "spec:\n  maxUnavailable: 0"},
		{"budget", "spec:\n  maxUnavailable: 1", "spec:\n  minAvailable: 2"},
		{"budget", "unhealthyPodEvictionPolicy: AlwaysAllow\n  selector: {matchLabels: {app.kubernetes.io/name: transaction}}", "selector: {matchLabels: {app.kubernetes.io/name: other}}"},
		{"spread", "topologyKey: topology.kubernetes.io/zone", "topologyKey: kubernetes.io/os"},
		{"spread", "whenUnsatisfiable: DoNotSchedule", "whenUnsatisfiable: ScheduleAnyway"},
		{"spread", "nodeTaintsPolicy: Honor", "nodeTaintsPolicy: Ignore"},
		{"order", "name: migrate\n  labels: {app.kubernetes.io/name: migrate}", "name: migrate\n  labels: {micropay/stage: services}"},
		{"order", "kind: Ingress\nmetadata: {name: public}", "kind: Ingress\nmetadata: {name: public, labels: {micropay/stage: later}}"},
		{"references", "key: token}", "key: tokn}"},
		{"references", "configMapRef: {name: database}", "configMapRef: {name: databse}"},
	} {
		requireBroken(t, c[0], c[1], c[2])
	}
}
