package k8s

import (
	"time"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// rolloutRules: changing, scaling and emptying nodes drops no request.
var rolloutRules = []Rule{
	{"no gap", "a roll-out starts a new pod before it ends an old one", func(s *set, broken report) {
		for _, d := range of[*apps.Deployment](s) {
			r := d.Spec.Strategy.RollingUpdate
			if d.Spec.Strategy.Type != apps.RollingUpdateDeploymentStrategyType || r == nil || !isNumber(r.MaxUnavailable, 0) || isNumber(r.MaxSurge, 0) {
				broken(d, "maxUnavailable is not 0, or maxSurge is")
			}
		}
	}},
	{"drain", "a pod that ends is first taken out of Services, then serves on for DRAIN_DELAY, then lets requests finish, all within its grace period", drain},
	{"autoscaling", "a HorizontalPodAutoscaler keeps at least two pods, goes by the processor, and is slow to take pods away", autoscaled},
	{"budget", "a PodDisruptionBudget lets one pod go at a time, neither none nor all", budgets},
	{"spread", "pods are spread over zones, without counting nodes that are gone", spread},
	{"order", "every object belongs to a stage, the migration is a Job of its own stage, and no service comes before it", order},
	{"references", "every ConfigMap, Secret and key that a pod is given exists", references},
}

func isNumber(n *intstr.IntOrString, want int) bool {
	return n != nil && n.Type == intstr.Int && n.IntValue() == want
}

// least is what is left of the grace period when all else has taken as long as it may.
const least = 3 * time.Second

func drain(s *set, broken report) {
	for _, d := range of[*apps.Deployment](s) {
		grace := time.Duration(ptr.Deref(d.Spec.Template.Spec.TerminationGracePeriodSeconds, 30)) * time.Second
		c := d.Spec.Template.Spec.Containers[0]
		if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Sleep == nil || c.Lifecycle.PreStop.Sleep.Seconds < 1 {
			broken(d, "no preStop sleep")
			continue
		}
		env := s.environment(c)
		delay, err1 := time.ParseDuration(env["DRAIN_DELAY"])
		finish, err2 := time.ParseDuration(env["SHUTDOWN_GRACE"])
		if err1 != nil || err2 != nil || delay < time.Second {
			broken(d, "DRAIN_DELAY %q and SHUTDOWN_GRACE %q are not set to make sense", env["DRAIN_DELAY"], env["SHUTDOWN_GRACE"])
		}
		if all := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second + delay + finish; all+least > grace {
			broken(d, "to end takes up to %s, and it is killed after %s", all, grace)
		}
	}
}

// environment is what a container's ConfigMaps give it.
func (s *set) environment(c core.Container) map[string]string {
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		for _, m := range of[*core.ConfigMap](s) {
			if from.ConfigMapRef != nil && from.ConfigMapRef.Name == m.Name {
				for k, v := range m.Data {
					env[k] = v
				}
			}
		}
	}
	return env
}

func autoscaled(s *set, broken report) {
	for _, d := range of[*apps.Deployment](s) {
		if d.Spec.Replicas != nil {
			broken(d, "says how many, as does its HorizontalPodAutoscaler")
		}
		var found bool
		for _, h := range of[*autoscaling.HorizontalPodAutoscaler](s) {
			if h.Spec.ScaleTargetRef.Kind != "Deployment" || h.Spec.ScaleTargetRef.Name != d.Name {
				continue
			}
			found = true
			if ptr.Deref(h.Spec.MinReplicas, 1) < 2 || h.Spec.MaxReplicas <= 2 {
				broken(h, "fewer than two, or never more")
			}
			if !byProcessor(h) {
				broken(h, "does not go by the processor")
			}
			if b := h.Spec.Behavior; b == nil || b.ScaleDown == nil || ptr.Deref(b.ScaleDown.StabilizationWindowSeconds, 0) < 15 || len(b.ScaleDown.Policies) == 0 {
				broken(h, "takes pods away at once")
			}
		}
		if !found {
			broken(d, "has no HorizontalPodAutoscaler")
		}
	}
}

func byProcessor(h *autoscaling.HorizontalPodAutoscaler) bool {
	for _, m := range h.Spec.Metrics {
		if m.Type == autoscaling.ResourceMetricSourceType && m.Resource.Name == core.ResourceCPU && m.Resource.Target.Type == autoscaling.UtilizationMetricType {
			return true
		}
	}
	return false
}

func budgets(s *set, broken report) {
	for _, d := range of[*apps.Deployment](s) {
		var found bool
		for _, b := range of[*policy.PodDisruptionBudget](s) {
			if !selects(b.Spec.Selector, d.Spec.Template.Labels) {
				continue
			}
			found = true
			one, atLeast := isNumber(b.Spec.MaxUnavailable, 1), isNumber(b.Spec.MinAvailable, 1)
			if one == atLeast {
				broken(b, "does not let exactly one go at a time")
			}
		}
		if !found {
			broken(d, "has no PodDisruptionBudget")
		}
	}
}

func spread(s *set, broken report) {
	for _, d := range of[*apps.Deployment](s) {
		var zones bool
		for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
			zones = zones || c.TopologyKey == core.LabelTopologyZone && c.MaxSkew == 1 && c.WhenUnsatisfiable == core.DoNotSchedule &&
				ptr.Deref(c.NodeTaintsPolicy, core.NodeInclusionPolicyIgnore) == core.NodeInclusionPolicyHonor &&
				selects(c.LabelSelector, d.Spec.Template.Labels)
		}
		if !zones {
			broken(d, "is not spread over zones")
		}
	}
}

// stages, in the order of deploy.sh.
const (
	ground    = "ground"
	migration = "migration"
	services  = "services"
)

func order(s *set, broken report) {
	var migrations int
	for _, o := range s.objects {
		m, err := meta.Accessor(o)
		if err != nil {
			broken(o, "has no name")
			continue
		}
		stage := m.GetLabels()["micropay/stage"]
		switch o.(type) {
		case *batch.Job:
			migrations++
			if stage != migration {
				broken(o, "is in stage %q", stage)
			}
		case *apps.Deployment:
			if stage != services {
				broken(o, "is in stage %q", stage)
			}
		default:
			if stage != ground && stage != services {
				broken(o, "is in stage %q", stage)
			}
		}
	}
	if migrations != 1 {
		broken(nil, "%d migrations", migrations)
	}
}
