package infra_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/moto"
)

// mended stands in front of moto. That forgets the outputs of a stack that came from a change set, so
// one that is executed becomes the creation of that stack with the same words. What it cannot work out,
// or does not make, gets a name.
type mended struct {
	moto string

	mu      sync.Mutex
	planned map[string]url.Values // the change set that creates a stack, by the stack's name
}

const executed = `<ExecuteChangeSetResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ExecuteChangeSetResult/></ExecuteChangeSetResponse>`

var (
	unknownToMoto = strings.NewReplacer(
		`{"Fn::GetAtt": [Database, MasterUserSecret.SecretArn]}`, "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin",
		"Value: !GetAtt Pool.Arn", "Value: arn:aws:cognito-idp:us-east-1:123456789012:userpool/pool",
		"DBParameterGroupName: !Ref Settings", "DBParameterGroupName: default.postgres17",
	)
	dkimOfMoto   = regexp.MustCompile(`Value: !Sub "\$\{Sender\.[^"]*"`)
	unmadeByMoto = regexp.MustCompile(`Value: !Ref (AuthDbPassword|TransactionDbPassword|InternalToken|StripeKeys|PayPalKeys|Letters|Pool|Client|ClientSecret)}`)
)

func (m *mended) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	form, _ := url.ParseQuery(string(body))
	if template := dkimOfMoto.ReplaceAllString(form.Get("TemplateBody"), "Value: stand-in"); template != "" {
		form.Set("TemplateBody", unmadeByMoto.ReplaceAllString(unknownToMoto.Replace(template), "Value: arn:aws:stand-in:$1}"))
		body = []byte(form.Encode())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	stack := form.Get("StackName")
	create := form.Get("Action") == "ExecuteChangeSet" && m.planned[stack] != nil
	if create {
		_, _, _ = m.send(r, []byte(url.Values{"Action": {"DeleteStack"}, "Version": form["Version"], "StackName": {stack}}.Encode()))
		body = []byte(m.planned[stack].Encode())
		delete(m.planned, stack)
	}
	status, answer, header := m.send(r, body)
	switch {
	case status != http.StatusOK:
	case create:
		answer = []byte(executed)
	case form.Get("Action") == "CreateChangeSet" && form.Get("ChangeSetType") == "CREATE":
		form.Set("Action", "CreateStack")
		m.planned[stack] = form
	}
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
	front := httptest.NewServer(&mended{moto: m.URL, planned: map[string]url.Values{}})
	t.Cleanup(front.Close)
	env := []string{
		"AWS_ENDPOINT_URL=" + front.URL, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + moto.Region, "AWS_DEFAULT_REGION=" + moto.Region, "MICROPAY_ACCOUNT=" + moto.Account,
		"AWS_MAX_ATTEMPTS=1",
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := deploy(t, env, args...)
		require.NoErrorf(t, err, "%v:\n%s", args, out)
		return out
	}

	out := must("up", "sandbox", "--yes", "--set", "identity.MailDomain=pay.example")
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
	into := filepath.Join(t.TempDir(), "filled")
	filled, err := fill(t, env, "sandbox", "1a2b3c", into)
	require.NoError(t, err, filled)
	settings, err := os.ReadFile(filepath.Join(into, "auth.env")) //nolint:gosec // of this test
	require.NoError(t, err)
	require.Contains(t, string(settings), "SES_FEEDBACK_QUEUE_URL="+outputs["FeedbackQueueUrl"]+"\n")
	_, err = sns.NewFromConfig(m.AWSConfig()).GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: ptr(outputs["TopicArn"])})
	require.NoError(t, err)

	require.Contains(t, must("plan", "sandbox", "network"), "nothing to change")
	more := []string{"sandbox", "network", "--set", "network.NatPerZone=true"}
	out, err = deploy(t, env, append([]string{"up"}, more...)...)
	require.Error(t, err, "nobody said yes")
	require.Contains(t, out, "not confirmed")
	require.Contains(t, out, "the plan for account")
	require.Contains(t, must("apply", "sandbox", "network"), "micropay-network: updated")

	out, err = deploy(t, env, "plan", "production", "network")
	require.Error(t, err, "another stage's parameters")
	require.Contains(t, out, "is of stage sandbox, not production")

	// moto finds no order in which a VPC can go (DependencyViolation), so the network, the last, stays.
	out, err = deploy(t, env, "delete", "sandbox", "--yes")
	require.Error(t, err)
	for _, layer := range []string{"watch", "access", "messaging", "identity", "data", "registry"} {
		require.Contains(t, out, "micropay-"+layer+": deleted")
	}
	for line := range strings.Lines(must("outputs", "sandbox")) {
		name, _, _ := strings.Cut(line, "=")
		require.Contains(t, load(t)[0].Outputs, name, "the outputs of a layer that is gone")
	}
}

func ptr[T any](v T) *T { return &v }
