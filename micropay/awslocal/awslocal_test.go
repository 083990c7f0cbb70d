package awslocal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/micropay/awslocal"
	"github.com/micropay/micropay/testing/moto"
)

func TestMake_RefusesAmazonItself(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "nonsense", "https://sqs.us-east-1.amazonaws.com", "https://sqs.us-east-1.api.aws"} {
		dir := filepath.Join(t.TempDir(), "settings")
		require.ErrorContains(t, awslocal.Make(t.Context(), awslocal.Config{Endpoint: endpoint, Dir: dir}), "AWS_ENDPOINT_URL")
		require.NoDirExists(t, dir)
	}
}

func TestMake_OnMoto_MakesTheSameThingsEveryTime(t *testing.T) {
	t.Parallel()
	server, dir := moto.New(t), t.TempDir()
	c := awslocal.Config{AWS: server.AWSConfig(), Endpoint: server.URL, Sender: "no-reply@micropay.example", Dir: dir}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotEmpty(t, text)
		return string(text[:len(text)-1])
	}
	require.NoError(t, awslocal.Make(t.Context(), c))
	pool := read("COGNITO_USER_POOL_ID")
	require.NoError(t, awslocal.Make(t.Context(), c))
	require.Equal(t, pool, read("COGNITO_USER_POOL_ID"), "people are in it")
	require.Contains(t, read("AUTH_ISSUER"), pool)
	for _, name := range []string{"COGNITO_CLIENT_ID", "COGNITO_CLIENT_SECRET", "SNS_TOPIC_ARN", "AUTH_QUEUE_URL", "AUTH_JWKS_URL"} {
		read(name)
	}
	got, err := sqs.NewFromConfig(c.AWS).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(read("TRANSACTION_QUEUE_URL")), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	require.NoError(t, err)
	require.Contains(t, got.Attributes["RedrivePolicy"], "micropay-sqs-transaction-dead")
}
