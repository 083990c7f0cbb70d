package k8s

import (
	"regexp"
	"slices"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"
)

// RenderedRules are those of what kustomize makes; settings are the variables that the programs know.
func RenderedRules(settings []string) []Rule {
	return []Rule{
		{"images", "every image has a tag, which is not latest", everyContainer(func(c *core.Container) string {
			_, tag, tagged := strings.Cut(c.Image[strings.LastIndex(c.Image, "/")+1:], ":")
			if !tagged || tag == "latest" || c.ImagePullPolicy == core.PullAlways {
				return "image " + c.Image
			}
			return ""
		})},
		{"settings", "every variable is one that docs/configuration.md knows", func(s *set, broken report) { known(s, settings, broken) }},
		{"no secret", "what is secret comes from a Secret, by reference", literals},
	}
}

// thirdParties are variables of other programs than ours.
var thirdParties = []string{"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "PGDATA"}

func known(s *set, settings []string, broken report) {
	settings = slices.Concat(settings, thirdParties)
	for _, m := range of[*core.ConfigMap](s) {
		for name := range m.Data {
			if !slices.Contains(settings, name) {
				broken(m, "%s is no setting", name)
			}
		}
	}
	for _, w := range s.workloads {
		for _, c := range w.pod.Spec.Containers {
			for _, e := range c.Env {
				if !slices.Contains(settings, e.Name) {
					broken(w, "%s is no setting", e.Name)
				}
			}
		}
	}
}

var secretName = regexp.MustCompile(`(PASS|PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL)$`)

func literals(s *set, broken report) {
	for _, m := range of[*core.ConfigMap](s) {
		for name := range m.Data {
			if secretName.MatchString(name) {
				broken(m, "%s is secret", name)
			}
		}
	}
	for _, w := range s.workloads {
		for _, c := range w.pod.Spec.Containers {
			for _, e := range c.Env {
				if e.Value != "" && secretName.MatchString(e.Name) {
					broken(w, "%s is secret", e.Name)
				}
			}
		}
	}
}

// LocalRules are those of a cluster without AWS.
func LocalRules() []Rule {
	return []Rule{
		{"ingress class", "the Ingress is for a controller of class nginx", func(s *set, broken report) { ingressClass(s, "nginx", broken) }},
		{"tls", "the Ingress speaks TLS", func(s *set, broken report) {
			for _, i := range of[*networking.Ingress](s) {
				if len(i.Spec.TLS) == 0 {
					broken(i, "does not")
				}
			}
		}},
	}
}

func ingressClass(s *set, want string, broken report) {
	for _, i := range of[*networking.Ingress](s) {
		if got := ptr.Deref(i.Spec.IngressClassName, ""); got != want {
			broken(i, "is of class %q", got)
		}
	}
}

// EKSRules are those of Amazon EKS.
func EKSRules() []Rule {
	return []Rule{
		{"load balancer", "the Ingress is an internal ALB whose targets are pods", func(s *set, broken report) {
			ingressClass(s, "alb", broken)
			for _, i := range of[*networking.Ingress](s) {
				if i.Annotations["alb.ingress.kubernetes.io/scheme"] != "internal" || i.Annotations["alb.ingress.kubernetes.io/target-type"] != "ip" {
					broken(i, "is reachable from outside, or by nodes")
				}
			}
		}},
		{"tls", "the load balancer speaks TLS 1.2 or newer and nothing else, with the certificate of a name", func(s *set, broken report) {
			for _, i := range of[*networking.Ingress](s) {
				if ports := i.Annotations["alb.ingress.kubernetes.io/listen-ports"]; ports != `[{"HTTPS": 443}]` {
					broken(i, "listens to %s", ports)
				}
				if policy := i.Annotations["alb.ingress.kubernetes.io/ssl-policy"]; !strings.HasPrefix(policy, "ELBSecurityPolicy-TLS13-1-2-") {
					broken(i, "has the policy %q", policy)
				}
				if len(i.Spec.TLS) != 1 || len(i.Spec.TLS[0].Hosts) != 1 {
					broken(i, "names no certificate")
				}
			}
		}},
		{"request rate", "autoscaling goes by requests a second too", func(s *set, broken report) {
			for _, h := range of[*autoscaling.HorizontalPodAutoscaler](s) {
				if !slices.ContainsFunc(h.Spec.Metrics, func(m autoscaling.MetricSpec) bool {
					return m.Type == autoscaling.PodsMetricSourceType && m.Pods.Metric.Name == "http_requests_per_second"
				}) {
					broken(h, "does not")
				}
			}
		}},
		{"monitors", "Prometheus reads /metrics of both services", monitors},
		{"no secret", "secrets come from Secrets Manager alone", func(s *set, broken report) {
			for _, m := range of[*core.Secret](s) {
				broken(m, "is written down")
			}
		}},
	}
}

func monitors(s *set, broken report) {
	for _, v := range of[*core.Service](s) {
		if v.Spec.ClusterIP == core.ClusterIPNone {
			continue
		}
		if !slices.ContainsFunc(of[*monitoring.ServiceMonitor](s), func(m *monitoring.ServiceMonitor) bool {
			return selects(&m.Spec.Selector, v.Labels) && len(m.Spec.Endpoints) == 1 && m.Spec.Endpoints[0].Port == "internal" && m.Spec.Endpoints[0].Path == "/metrics"
		}) {
			broken(v, "is not read")
		}
	}
}

var setting = regexp.MustCompile("(?m)^\\| `([A-Z][A-Z0-9_]*)` \\|")

// Settings are the variables that a document's tables list.
func Settings(document string) (names []string) {
	for _, m := range setting.FindAllStringSubmatch(document, -1) {
		names = append(names, m[1])
	}
	return names
}
