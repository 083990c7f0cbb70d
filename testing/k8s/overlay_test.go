package k8s_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/k8s"
)

const overlay = `apiVersion: apps/v1
kind: Deployment
metadata: {name: auth}
spec:
  template:
    spec: {containers: [{name: auth, image: "registry/auth:1", env: [{name: RDS_USER, value: micropay_auth}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: services}
data: {DRAIN_DELAY: 8s}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: public
  annotations:
    alb.ingress.kubernetes.io/scheme: internal
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": 443}]'
    alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06
spec: {ingressClassName: alb, tls: [{hosts: [origin.pay.example]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: auth}
spec: {metrics: [{type: Pods, pods: {metric: {name: http_requests_per_second}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: auth, labels: {app.kubernetes.io/name: auth}}
spec: {ports: [{name: internal, port: 8001}]}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: auth}
spec: {selector: {matchLabels: {app.kubernetes.io/name: auth}}, endpoints: [{port: internal, path: /metrics}]}
`

const cluster = `apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: micropay-eks-microservices, region: us-east-1, version: "1.32"}
vpc: {subnets: {private: {us-east-1a: {id: a}, us-east-1b: {id: b}}}}
managedNodeGroups:
  - {name: nodes, instanceType: t3.medium, desiredCapacity: 3, minSize: 2, maxSize: 4, availabilityZones: [us-east-1a, us-east-1b],
     privateNetworking: true, volumeEncrypted: true, disableIMDSv1: true, securityGroups: {attachIDs: [sg]}}
addons:
  - {name: vpc-cni, configurationValues: '{"enableNetworkPolicy": "true"}'}
  - {name: coredns}
  - {name: eks-pod-identity-agent}
  - {name: metrics-server}
iam:
  podIdentityAssociations:
    - {namespace: micropay, serviceAccountName: auth, roleARN: x}
    - {namespace: micropay, serviceAccountName: transaction, roleARN: x}
    - {namespace: kube-system, serviceAccountName: aws-load-balancer-controller, wellKnownPolicies: {awsLoadBalancerController: true}}
    - {namespace: kube-system, serviceAccountName: cluster-autoscaler, wellKnownPolicies: {autoScaler: true}}
    - {namespace: external-secrets, serviceAccountName: external-secrets, roleARN: x}
`

func broken(t *testing.T, rules []k8s.Rule, old, new string) (names []string) {
	t.Helper()
	require.Contains(t, overlay, old)
	objects, err := k8s.Decode([]byte(replace(overlay, old, new)))
	require.NoError(t, err)
	for _, f := range k8s.Check(objects, rules) {
		names = append(names, f.Rule)
	}
	return names
}

func TestOverlayRules_ImagesSettingsSecretsAndAWS(t *testing.T) {
	t.Parallel()
	settings := []string{"DRAIN_DELAY", "RDS_USER", "RDS_PASS"}
	rules := append(k8s.RenderedRules(settings), k8s.EKSRules()...)
	require.Empty(t, broken(t, rules, "", ""))
	for _, c := range [][3]string{
		{"images", "registry/auth:1", "registry/auth:latest"},
		{"images", "registry/auth:1", "registry/auth"},
		{"images", "registry/auth:1", "registry:5000/auth"},
		{"settings", "DRAIN_DELAY: 8s", "DRAIN_DELY: 8s"},
		{"settings", "name: RDS_USER", "name: RDS_USR"},
		{"no secret", "{name: RDS_USER, value: micropay_auth}", "{name: RDS_PASS, value: x}"},
		{"no secret", "DRAIN_DELAY: 8s", "RDS_PASS: x"},
		{"no secret", "kind: ConfigMap\nmetadata: {name: services}\ndata: {DRAIN_DELAY: 8s}", "kind: Secret\nmetadata: {name: x}\ndata: {token: eA==}"},
		{"load balancer", "scheme: internal", "scheme: internet-facing"},
		{"load balancer", "ingressClassName: alb", "ingressClassName: nginx"},
		{"request rate", "http_requests_per_second", "other"},
		{"monitors", "endpoints: [{port: internal", "endpoints: [{port: http"},
		{"monitors", "{selector: {matchLabels: {app.kubernetes.io/name: auth}}", "{selector: {matchLabels: {app.kubernetes.io/name: aut}}"},
	} {
		require.Contains(t, broken(t, rules, c[1], c[2]), c[0], "%q instead of %q", c[2], c[1])
	}
	// A local overlay makes its own secrets, and has an Ingress controller of another class.
	require.Contains(t, broken(t, k8s.LocalRules(), "", ""), "ingress class")
	require.NotContains(t, broken(t, k8s.LocalRules(), "ingressClassName: alb", "ingressClassName: nginx"), "ingress class")
}

func TestOverlayRules_TheIngressSpeaksTLS(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"tls: [{hosts: [origin.pay.example]}]", "tls: []"},
		{"hosts: [origin.pay.example]", "hosts: []"}, // by which the controller finds the certificate
		{`[{"HTTPS": 443}]`, `[{"HTTP": 80}]`},
		{`[{"HTTPS": 443}]`, `[{"HTTP": 80}, {"HTTPS": 443}]`},
		{"ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"}, // the default: TLS 1.0 too
	} {
		require.Contains(t, broken(t, k8s.EKSRules(), c[0], c[1]), "tls", "%q instead of %q", c[1], c[0])
	}
	require.NotContains(t, broken(t, k8s.LocalRules(), "", ""), "tls")
	require.Contains(t, broken(t, k8s.LocalRules(), ", tls: [{hosts: [origin.pay.example]}]", ""), "tls")
}

func TestCheckCluster_WhatTheOverlayNeedsIsThere(t *testing.T) {
	t.Parallel()
	require.Empty(t, k8s.CheckCluster([]byte(cluster)))
	for _, c := range [][3]string{
		{"fields", "desiredCapacity", "desired"},
		{"fields", "kind: ClusterConfig", "kind: Cluster"},
		{"nodes", "t3.medium", "t3.large"},
		{"nodes", "maxSize: 4", "maxSize: 9"},
		{"nodes", "availabilityZones: [us-east-1a, us-east-1b]", "availabilityZones: [us-east-1a]"},
		{"nodes", "privateNetworking: true", "privateNetworking: false"},
		{"nodes", "volumeEncrypted: true", "volumeEncrypted: false"},
		{"nodes", "disableIMDSv1: true", "disableIMDSv1: false"},
		{"addons", "enableNetworkPolicy", "enablePolicy"},
		{"addons", "metrics-server", "metric-server"},
		{"identities", "serviceAccountName: transaction", "serviceAccountName: transactions"},
		{"identities", "awsLoadBalancerController: true", "awsLoadBalancerController: false"},
		{"identities", "serviceAccountName: auth, roleARN: x", "serviceAccountName: auth"},
	} {
		require.Contains(t, cluster, c[1])
		var names []string
		for _, f := range k8s.CheckCluster([]byte(replace(cluster, c[1], c[2]))) {
			names = append(names, f.Rule)
		}
		require.Contains(t, names, c[0], "%q instead of %q", c[2], c[1])
	}
}

func TestCheckCluster_NodesWearTheGroupThatPostgreSQLLetsIn(t *testing.T) {
	t.Parallel()
	require.Empty(t, k8s.CheckCluster([]byte(cluster)))
	for _, without := range []string{"securityGroups: {attachIDs: []}", "securityGroups: {}"} {
		found := k8s.CheckCluster([]byte(replace(cluster, "securityGroups: {attachIDs: [sg]}", without)))
		require.Len(t, found, 1)
		require.Equal(t, "nodes", found[0].Rule)
	}
}

func TestSettings_AreReadFromTheDocument(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"A_B", "C"}, k8s.Settings("# x\n| variable | default |\n|---|---|\n| `A_B` | `1` | see `D` |\ntext `E`\n| `C` |  | |\n"))
}
