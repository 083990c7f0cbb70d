package discovery_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/discovery"
	"github.com/micropay/micropay/testing/moto"
)

// registered is an instance as Cloud Map has it.
type registered struct {
	attributes map[string]string
	unhealthy  bool
}

// cloudMapContract is what CloudMap makes of a namespace "arranged" with instances of a service.
func cloudMapContract(t *testing.T, cfg aws.Config, arrange func(t *testing.T, namespace, service string, all ...registered)) {
	t.Helper()
	cloudMap := discovery.NewCloudMap(cfg)
	at := func(ip, port string) map[string]string {
		return map[string]string{"AWS_INSTANCE_IPV4": ip, "AWS_INSTANCE_PORT": port}
	}
	namespace := "pay-" + uuid.NewString()[:8]
	arrange(t, namespace, "auth", registered{at("10.0.0.2", "8001"), false}, registered{at("10.0.0.1", "9001"), false}, registered{at("10.0.0.3", "8001"), true})
	got, err := cloudMap.Instances(t.Context(), namespace+"/auth")
	require.NoError(t, err)
	require.Equal(t, []discovery.Instance{{"10.0.0.1", 9001}, {"10.0.0.2", 8001}}, got, "those that are healthy")

	arrange(t, namespace, "ill", registered{at("10.0.0.3", "8001"), true})
	got, err = cloudMap.Instances(t.Context(), namespace+"/ill")
	require.NoError(t, err)
	require.Equal(t, []discovery.Instance{{"10.0.0.3", 8001}}, got, "none is healthy: the health check may be what is ill")

	arrange(t, namespace, "portless", registered{map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.4"}, false}, registered{map[string]string{"AWS_INSTANCE_IPV6": "fd00::1"}, false})
	got, err = cloudMap.Instances(t.Context(), namespace+"/portless?port=8001")
	require.NoError(t, err)
	require.Equal(t, []discovery.Instance{{"10.0.0.4", 8001}, {"fd00::1", 8001}}, got)
	_, err = cloudMap.Instances(t.Context(), namespace+"/portless")
	require.ErrorContains(t, err, "AWS_INSTANCE_PORT")
	require.NotErrorIs(t, err, discovery.ErrNoInstances)

	arrange(t, namespace, "empty")
	_, err = cloudMap.Instances(t.Context(), namespace+"/empty")
	require.ErrorIs(t, err, discovery.ErrNoInstances)
	for _, unknown := range []string{namespace + "/unknown", "no-" + namespace + "/auth"} {
		_, err = cloudMap.Instances(t.Context(), unknown)
		require.Error(t, err)
		require.NotErrorIs(t, err, discovery.ErrNoInstances, "who asks for what was never there is mistaken")
	}
	_, err = cloudMap.Instances(t.Context(), namespace)
	require.Error(t, err)
}

// cloudMapDouble answers DiscoverInstances as AWS's API reference has it (JSON 1.1).
type cloudMapDouble struct {
	*httptest.Server
	mu       sync.Mutex
	services map[string][]registered // by namespace/service
	instead  http.HandlerFunc
}

func newCloudMapDouble(t *testing.T) *cloudMapDouble {
	t.Helper()
	d := &cloudMapDouble{services: map[string][]registered{}}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *cloudMapDouble) config() aws.Config {
	cfg := moto.ConfigOf(d.URL)
	cfg.RetryMaxAttempts = 1
	return cfg
}

func (d *cloudMapDouble) arrange(_ *testing.T, namespace, service string, all ...registered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.services[namespace+"/"+service] = all
}

func (d *cloudMapDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var asked struct {
		NamespaceName, ServiceName, HealthStatus string
		MaxResults                               int
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	all, known := d.services[asked.NamespaceName+"/"+asked.ServiceName]
	switch {
	case d.instead != nil:
		d.instead(w, r)
		return
	case err != nil, r.Header.Get("X-Amz-Target") != "Route53AutoNaming_v20170314.DiscoverInstances", asked.MaxResults > 1000:
		refuseAWS(w, http.StatusBadRequest, "InvalidInput")
		return
	case !known:
		refuseAWS(w, http.StatusBadRequest, "ServiceNotFound")
		return
	}
	var healthy, ill []map[string]any
	for _, i := range all {
		if i.unhealthy {
			ill = append(ill, map[string]any{"InstanceId": "i", "HealthStatus": "UNHEALTHY", "Attributes": i.attributes})
		} else {
			healthy = append(healthy, map[string]any{"InstanceId": "i", "HealthStatus": "HEALTHY", "Attributes": i.attributes})
		}
	}
	if asked.HealthStatus == "HEALTHY_OR_ELSE_ALL" && healthy == nil {
		healthy = ill
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Instances": healthy, "InstancesRevision": 1})
}

func refuseAWS(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"__type":"` + kind + `","message":"no"}`))
}

func TestCloudMap_Double_KeepsTheContract(t *testing.T) {
	t.Parallel()
	d := newCloudMapDouble(t)
	cloudMapContract(t, d.config(), d.arrange)
}

func TestCloudMap_Moto_KeepsTheContract(t *testing.T) {
	t.Parallel()
	cfg := moto.New(t).AWSConfig()
	client := servicediscovery.NewFromConfig(cfg)
	spaces := map[string]string{}
	cloudMapContract(t, cfg, func(t *testing.T, namespace, service string, all ...registered) {
		t.Helper()
		if spaces[namespace] == "" {
			made, err := client.CreateHttpNamespace(t.Context(), &servicediscovery.CreateHttpNamespaceInput{Name: &namespace})
			require.NoError(t, err)
			done, err := client.GetOperation(t.Context(), &servicediscovery.GetOperationInput{OperationId: made.OperationId})
			require.NoError(t, err)
			spaces[namespace] = done.Operation.Targets[string(types.OperationTargetTypeNamespace)]
		}
		made, err := client.CreateService(t.Context(), &servicediscovery.CreateServiceInput{
			Name: &service, NamespaceId: aws.String(spaces[namespace]),
			HealthCheckCustomConfig: &types.HealthCheckCustomConfig{},
		})
		require.NoError(t, err)
		for _, i := range all {
			id := uuid.NewString()
			_, err := client.RegisterInstance(t.Context(), &servicediscovery.RegisterInstanceInput{
				ServiceId: made.Service.Id, InstanceId: &id, Attributes: i.attributes,
			})
			require.NoError(t, err)
			status := types.CustomHealthStatusHealthy
			if i.unhealthy {
				status = types.CustomHealthStatusUnhealthy
			}
			_, err = client.UpdateInstanceCustomHealthStatus(t.Context(), &servicediscovery.UpdateInstanceCustomHealthStatusInput{
				ServiceId: made.Service.Id, InstanceId: &id, Status: status,
			})
			require.NoError(t, err)
		}
	})
}

func TestCloudMap_AWSFails_NothingIsKnown(t *testing.T) {
	t.Parallel()
	d := newCloudMapDouble(t)
	cloudMap := discovery.NewCloudMap(d.config())
	for name, instead := range map[string]http.HandlerFunc{
		"throttled":  func(w http.ResponseWriter, _ *http.Request) { refuseAWS(w, 400, "RequestLimitExceeded") },
		"no rights":  func(w http.ResponseWriter, _ *http.Request) { refuseAWS(w, 400, "AccessDeniedException") },
		"broken":     func(w http.ResponseWriter, _ *http.Request) { refuseAWS(w, 500, "InternalFailure") },
		"nonsense":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"half of it": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"Instances":[{`)) },
		"lost":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		},
	} {
		d.mu.Lock()
		d.instead = instead
		d.mu.Unlock()
		ctx, cancel := t.Context(), func() {}
		if name == "slow" {
			ctx, cancel = contextWithin(t, 50*time.Millisecond)
		}
		_, err := cloudMap.Instances(ctx, "pay/auth")
		cancel()
		require.Error(t, err, name)
		require.NotErrorIs(t, err, discovery.ErrNoInstances, name)
	}
}
