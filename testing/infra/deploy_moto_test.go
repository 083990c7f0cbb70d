package infra_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/moto"
)

// mended stands in front of moto, which forgets the outputs of a stack that came from a change set:
// an update with the same template makes it work them out.
type mended struct {
	moto string

	mu       sync.Mutex
	template map[string]string // of the change set that creates a stack, by the stack's name
}

func (m *mended) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	form, _ := url.ParseQuery(string(body))
	status, answer, header := m.send(r, body)
	stack := form.Get("StackName")
	m.mu.Lock()
	switch action := form.Get("Action"); {
	case status != http.StatusOK:
	case action == "CreateChangeSet" && form.Get("ChangeSetType") == "CREATE":
		m.template[stack] = form.Get("TemplateBody")
	case action == "ExecuteChangeSet" && m.template[stack] != "":
		again := url.Values{"Action": {"UpdateStack"}, "Version": form["Version"], "StackName": {stack}, "TemplateBody": {m.template[stack]}}
		delete(m.template, stack)
		if s, told, _ := m.send(r, []byte(again.Encode())); s != http.StatusOK {
			status, answer = s, told
		}
	}
	m.mu.Unlock()
	for k, v := range header {
		w.Header()[k] = v
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (m *mended) send(r *http.Request, body []byte) (int, []byte, http.Header) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, m.moto+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return http.StatusBadGateway, []byte(err.Error()), nil
	}
	out.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		return http.StatusBadGateway, []byte(err.Error()), nil
	}
	answer, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, answer, resp.Header
}

// The stack goes up, changes and goes away by deploy.sh itself, as far as moto's CloudFormation knows
// its types; the others are named in docs/deploy.md.
func TestDeploy_Moto_UpChangeAndAway(t *testing.T) {
	t.Parallel()
	m := moto.New(t)
	if _, err := exec.LookPath("aws"); err != nil {
		t.Fatal("the AWS CLI is missing: pip install awscli")
	}
	front := httptest.NewServer(&mended{moto: m.URL, template: map[string]string{}})
	t.Cleanup(front.Close)
	env := []string{
		"AWS_ENDPOINT_URL=" + front.URL, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + moto.Region, "AWS_DEFAULT_REGION=" + moto.Region, "MICROPAY_ACCOUNT=" + moto.Account,
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := deploy(t, env, args...)
		require.NoErrorf(t, err, "%v:\n%s", args, out)
		return out
	}

	out := must("up", "sandbox", "--yes")
	for _, layer := range []string{"network", "registry", "data", "identity", "messaging", "access", "watch"} {
		require.Contains(t, out, "micropay-"+layer+": the plan for account "+moto.Account)
	}
	outputs := map[string]string{}
	for line := range strings.Lines(must("outputs", "sandbox")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		outputs[name] = value
	}
	require.NotEmpty(t, outputs["VpcId"])
	require.Equal(t, "arn:aws:sns:us-east-1:"+moto.Account+":micropay-sns", outputs["TopicArn"])

	queue, err := sqs.NewFromConfig(m.AWSConfig()).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: ptr(outputs["AuthQueueUrl"]), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameRedrivePolicy},
	})
	require.NoError(t, err)
	require.Contains(t, queue.Attributes["RedrivePolicy"], outputs["AuthDeadLettersArn"])
	_, err = sns.NewFromConfig(m.AWSConfig()).GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: ptr(outputs["TopicArn"])})
	require.NoError(t, err)

	require.Contains(t, must("plan", "sandbox", "network"), "nothing to change")
	more := []string{"sandbox", "network", "--set", "network.NatPerZone=true"}
	out, err = deploy(t, env, append([]string{"up"}, more...)...)
	require.Error(t, err, "nobody said yes")
	require.Contains(t, out, "not confirmed")
	require.Contains(t, must(append([]string{"plan"}, more...)...), "the plan for account")
	must("apply", "sandbox", "network")

	out, err = deploy(t, env, "plan", "production", "network")
	require.Error(t, err, "another stage's parameters")
	require.Contains(t, out, "is of stage sandbox, not production")

	must("delete", "sandbox", "--yes")
	require.Empty(t, must("outputs", "sandbox"))
}

func ptr[T any](v T) *T { return &v }
