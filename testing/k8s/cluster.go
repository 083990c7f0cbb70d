package k8s

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// clusterConfig has the fields of eksctl's ClusterConfig that are used here; any other is refused
// like a misspelt one. Source: docs.aws.amazon.com/eks/latest/eksctl, "Config file schema".
type clusterConfig struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name    string            `json:"name"`
		Region  string            `json:"region"`
		Version string            `json:"version"`
		Tags    map[string]string `json:"tags"`
	} `json:"metadata"`
	VPC struct {
		ID      string `json:"id"`
		Subnets struct {
			Private map[string]struct {
				ID string `json:"id"`
			} `json:"private"`
		} `json:"subnets"`
		ClusterEndpoints struct {
			PublicAccess  bool `json:"publicAccess"`
			PrivateAccess bool `json:"privateAccess"`
		} `json:"clusterEndpoints"`
		PublicAccessCIDRs []string `json:"publicAccessCIDRs"`
	} `json:"vpc"`
	ManagedNodeGroups []nodeGroup `json:"managedNodeGroups"`
	Addons            []addon     `json:"addons"`
	IAM               struct {
		PodIdentityAssociations []identity `json:"podIdentityAssociations"`
	} `json:"iam"`
	CloudWatch struct {
		ClusterLogging struct {
			EnableTypes        []string `json:"enableTypes"`
			LogRetentionInDays int      `json:"logRetentionInDays"`
		} `json:"clusterLogging"`
	} `json:"cloudWatch"`
}

type nodeGroup struct {
	Name              string   `json:"name"`
	InstanceType      string   `json:"instanceType"`
	DesiredCapacity   int      `json:"desiredCapacity"`
	MinSize           int      `json:"minSize"`
	MaxSize           int      `json:"maxSize"`
	AvailabilityZones []string `json:"availabilityZones"`
	PrivateNetworking bool     `json:"privateNetworking"`
	VolumeSize        int      `json:"volumeSize"`
	VolumeType        string   `json:"volumeType"`
	VolumeEncrypted   bool     `json:"volumeEncrypted"`
	DisableIMDSv1     bool     `json:"disableIMDSv1"`
	DisablePodIMDS    bool     `json:"disablePodIMDS"`
	SecurityGroups    struct {
		AttachIDs []string `json:"attachIDs"`
	} `json:"securityGroups"`
	UpdateConfig map[string]int    `json:"updateConfig"`
	Tags         map[string]string `json:"tags"`
}

type addon struct {
	Name                string `json:"name"`
	ConfigurationValues string `json:"configurationValues"`
}

type identity struct {
	Namespace          string          `json:"namespace"`
	ServiceAccountName string          `json:"serviceAccountName"`
	RoleARN            string          `json:"roleARN"`
	WellKnownPolicies  map[string]bool `json:"wellKnownPolicies"`
	PermissionPolicy   map[string]any  `json:"permissionPolicy"`
}

// CheckCluster holds eksctl's file against what the eks overlay needs of a cluster.
func CheckCluster(text []byte) (all []Finding) {
	broken := func(rule, format string, args ...any) {
		all = append(all, Finding{Rule: rule, Object: "ClusterConfig", Text: fmt.Sprintf(format, args...)})
	}
	var c clusterConfig
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		broken("fields", "%s", err)
		return all
	}
	if c.APIVersion != "eksctl.io/v1alpha5" || c.Kind != "ClusterConfig" || c.Metadata.Name != "micropay-eks-microservices" {
		broken("fields", "is %s %s %s", c.APIVersion, c.Kind, c.Metadata.Name)
	}
	for _, g := range c.ManagedNodeGroups {
		if g.InstanceType != "t3.medium" || g.DesiredCapacity != 3 || g.MinSize != 2 || g.MaxSize != 4 || len(g.AvailabilityZones) != 2 {
			broken("nodes", "%s: not three t3.medium (two to four) over two zones", g.Name)
		}
		if !g.PrivateNetworking || !g.VolumeEncrypted || !g.DisableIMDSv1 {
			broken("nodes", "%s: has public addresses, open disks or the old metadata service", g.Name)
		}
		if len(g.SecurityGroups.AttachIDs) == 0 {
			broken("nodes", "%s: no security group that PostgreSQL lets in", g.Name)
		}
	}
	for _, name := range []string{"vpc-cni", "coredns", "eks-pod-identity-agent", "metrics-server"} {
		i := slices.IndexFunc(c.Addons, func(a addon) bool { return a.Name == name })
		if i < 0 || name == "vpc-cni" && !strings.Contains(c.Addons[i].ConfigurationValues, `"enableNetworkPolicy": "true"`) {
			broken("addons", "%s is missing, or does not enforce NetworkPolicies", name)
		}
	}
	for _, who := range []string{
		"micropay/auth", "micropay/transaction", "kube-system/aws-load-balancer-controller", "kube-system/cluster-autoscaler", "external-secrets/external-secrets",
	} {
		i := slices.IndexFunc(c.IAM.PodIdentityAssociations, func(p identity) bool { return p.Namespace+"/"+p.ServiceAccountName == who })
		if i < 0 || !c.IAM.PodIdentityAssociations[i].mayAnything() {
			broken("identities", "%s has no role", who)
		}
	}
	return all
}

// mayAnything tells whether the identity is given a right at all.
func (p identity) mayAnything() bool {
	for _, given := range p.WellKnownPolicies {
		if given {
			return true
		}
	}
	return p.RoleARN != "" || len(p.PermissionPolicy) > 0
}
