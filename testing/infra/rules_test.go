package infra_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/infra"
)

const folder = "../../infra"

var stages = []string{"sandbox", "production"}

func load(t *testing.T) []infra.Template {
	t.Helper()
	templates, err := infra.Load(folder)
	require.NoError(t, err)
	return templates
}

func settings(t *testing.T, stage string) infra.Settings {
	t.Helper()
	s, err := infra.LoadSettings(folder + "/" + stage + ".params")
	require.NoError(t, err)
	return s
}

func text(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	require.NoError(t, err)
	return string(b)
}

func property(r infra.Resource, path ...string) any {
	var value any = r.Properties
	for _, key := range path {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}

func TestTemplates_NothingIsPublicButTheAPI(t *testing.T) {
	t.Parallel()
	templates := load(t)
	for _, r := range infra.All(templates, "AWS::EC2::SecurityGroup") {
		rules, _ := property(r, "SecurityGroupIngress").([]any)
		for _, rule := range rules {
			in, _ := rule.(map[string]any)
			require.Containsf(t, in, "SourceSecurityGroupId", "%s/%s lets in by address", r.Layer, r.Name)
			require.Equalf(t, in["FromPort"], in["ToPort"], "%s/%s lets in more than a port", r.Layer, r.Name)
			require.Equalf(t, "tcp", in["IpProtocol"], "%s/%s", r.Layer, r.Name)
		}
		require.NotEmptyf(t, property(r, "SecurityGroupEgress"), "%s/%s: without a rule, everything goes out", r.Layer, r.Name)
	}
	for _, r := range infra.All(templates, "AWS::RDS::DBInstance") {
		require.Equal(t, false, property(r, "PubliclyAccessible"))
	}
	for _, r := range infra.All(templates, "AWS::EC2::Subnet") {
		require.NotEqualf(t, true, property(r, "MapPublicIpOnLaunch"), "%s gives out public addresses", r.Name)
	}
	for _, kind := range []string{
		"AWS::EC2::SecurityGroupIngress", "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::EC2::Instance",
		"AWS::S3::Bucket", "AWS::EC2::NetworkInterface", "AWS::Lambda::Url", "AWS::IAM::User", "AWS::IAM::AccessKey",
	} {
		require.Emptyf(t, infra.All(templates, kind), "%s: no rule here judges it yet", kind)
	}
}

func TestTemplates_OnlyTheSubnetsOfNatHaveAWayToTheInternet(t *testing.T) {
	t.Parallel()
	templates := load(t)
	open := map[string]bool{}
	for _, r := range infra.All(templates, "AWS::EC2::Route") {
		if property(r, "GatewayId") != nil {
			open[text(t, property(r, "RouteTableId"))] = true
		}
	}
	var public []string
	for _, r := range infra.All(templates, "AWS::EC2::SubnetRouteTableAssociation") {
		if open[text(t, property(r, "RouteTableId"))] {
			public = append(public, property(r, "SubnetId", "Ref").(string))
		}
	}
	require.Equal(t, []string{"PublicA", "PublicB"}, public)
	for _, r := range infra.All(templates, "AWS::ApiGatewayV2::VpcLink", "AWS::RDS::DBSubnetGroup", "AWS::EC2::VPCEndpoint") {
		require.NotContainsf(t, text(t, r.Properties), "Public", "%s stands in a public subnet", r.Name)
	}
	for _, r := range infra.All(templates, "AWS::RDS::DBSubnetGroup") {
		require.Equal(t, []any{map[string]any{"Ref": "DataSubnetA"}, map[string]any{"Ref": "DataSubnetB"}}, property(r, "SubnetIds"))
	}
}

func TestTemplates_PostgreSQLIsReachedFromTheClusterOnly(t *testing.T) {
	t.Parallel()
	for _, r := range infra.All(load(t), "AWS::EC2::SecurityGroup") {
		if property(r, "GroupName") == "micropay-sg-rds" {
			in, _ := property(r, "SecurityGroupIngress").([]any)
			require.Len(t, in, 1)
			rule, _ := in[0].(map[string]any)
			require.Equal(t, map[string]any{"Ref": "SgNodes"}, rule["SourceSecurityGroupId"])
			require.Equal(t, 5432, rule["FromPort"])
			return
		}
	}
	t.Fatal("micropay-sg-rds is missing")
}

func TestTemplates_EverythingIsEncrypted(t *testing.T) {
	t.Parallel()
	templates := load(t)
	must := map[string]func(infra.Resource) any{
		"AWS::RDS::DBInstance": func(r infra.Resource) any { return property(r, "StorageEncrypted") },
		"AWS::SQS::Queue":      func(r infra.Resource) any { return property(r, "SqsManagedSseEnabled") },
		"AWS::SNS::Topic":      func(r infra.Resource) any { return property(r, "KmsMasterKeyId") != nil },
		"AWS::ECR::Repository": func(r infra.Resource) any { return property(r, "EncryptionConfiguration", "EncryptionType") != nil },
		"AWS::KMS::Key":        func(r infra.Resource) any { return property(r, "EnableKeyRotation") },
		"AWS::SES::ConfigurationSet": func(r infra.Resource) any {
			return property(r, "DeliveryOptions", "TlsPolicy") == "REQUIRE"
		},
	}
	seen := map[string]bool{}
	for _, r := range infra.All(templates) {
		if encrypted := must[r.Type]; encrypted != nil {
			require.Equalf(t, true, encrypted(r), "%s/%s is not encrypted", r.Layer, r.Name)
			seen[r.Type] = true
		}
	}
	require.Len(t, seen, len(must), "a rule that judges nothing")
	for _, r := range infra.All(templates, "AWS::RDS::DBParameterGroup") {
		require.Equal(t, "1", property(r, "Parameters", "rds.force_ssl"))
	}
	for _, r := range infra.All(templates, "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy") {
		if r.Layer == "messaging" {
			require.Containsf(t, text(t, r.Properties), `"aws:SecureTransport":"false"`, "%s lets in plain HTTP", r.Name)
		}
	}
}

// From the gateway to the load balancer it is TLS as well, and the gateway looks at whose certificate it is.
func TestTemplates_TheGatewayVerifiesTheLoadBalancer(t *testing.T) {
	t.Parallel()
	templates := load(t)
	for _, r := range infra.All(templates, "AWS::ApiGatewayV2::Integration") {
		require.Equalf(t, map[string]any{"Ref": "OriginName"}, property(r, "TlsConfig", "ServerNameToVerify"), "%s believes any certificate", r.Name)
	}
	for _, r := range infra.All(templates, "AWS::EC2::SecurityGroup") {
		for _, way := range []string{"SecurityGroupIngress", "SecurityGroupEgress"} {
			rules, _ := property(r, way).([]any)
			for _, rule := range rules {
				from, _ := rule.(map[string]any)
				require.NotEqualf(t, 80, from["FromPort"], "%s: %s without TLS", r.Name, way)
			}
		}
	}
	overlay := sources(t)["ingress.yaml"]
	require.Contains(t, overlay, `hosts: ["${OriginName}"]`) // the name that the gateway asks for
}

func TestTemplates_NoSecretIsWrittenDown(t *testing.T) {
	t.Parallel()
	templates := load(t)
	for _, r := range infra.All(templates, "AWS::SecretsManager::Secret") {
		given := property(r, "SecretString")
		_, isReference := given.(map[string]any)
		require.Truef(t, given == nil || isReference || empty(given), "%s has its value in the template", r.Name)
	}
	for _, r := range infra.All(templates, "AWS::RDS::DBInstance") {
		require.Equal(t, true, property(r, "ManageMasterUserPassword"), "RDS makes and rotates it")
		require.Nil(t, property(r, "MasterUserPassword"))
	}
	for _, template := range templates {
		for name, p := range template.Parameters {
			for _, word := range []string{"Password", "Secret", "Token", "Key"} {
				if strings.HasSuffix(name, word) { // ARNs of secrets come from another layer
					require.Nilf(t, p.Default, "%s.%s", template.Layer, name)
					require.Truef(t, strings.HasPrefix(p.Description, "from "), "%s.%s takes a secret", template.Layer, name)
				}
			}
		}
	}
}

// empty tells whether a secret is JSON whose every value is still to be filled in.
func empty(given any) bool {
	var keys map[string]string
	written, _ := given.(string)
	if json.Unmarshal([]byte(written), &keys) != nil {
		return false
	}
	return !slices.ContainsFunc(slices.Collect(maps.Values(keys)), func(v string) bool { return v != "" })
}

func TestTemplates_ProductionLosesNothing(t *testing.T) {
	t.Parallel()
	production := settings(t, "production")
	for _, template := range load(t) {
		for _, r := range template.Resolve(production) {
			switch r.Type {
			case "AWS::RDS::DBInstance":
				require.Equal(t, "true", property(r, "MultiAZ"))
				require.Equal(t, "true", property(r, "DeletionProtection"))
				require.Equal(t, "35", property(r, "BackupRetentionPeriod"))
				require.Equal(t, "Snapshot", r.DeletionPolicy)
			case "AWS::Cognito::UserPool":
				require.Equal(t, "ACTIVE", property(r, "DeletionProtection"))
				require.Equal(t, "Retain", r.DeletionPolicy)
			case "AWS::KMS::Key":
				require.Equal(t, "Retain", r.DeletionPolicy)
			}
		}
	}
}

func TestTemplates_EventsReachTheirServiceOrTheDeadLetters(t *testing.T) {
	t.Parallel()
	templates := load(t)
	for _, service := range []string{"Auth", "Transaction"} {
		got := map[string]infra.Resource{}
		for _, r := range infra.All(templates, "AWS::SQS::Queue", "AWS::SNS::Subscription") {
			got[r.Name] = r
		}
		subscription, queue, dead := got[service+"Subscription"], got[service+"Queue"], got[service+"DeadLetters"]
		require.Equal(t, map[string]any{"target": []any{strings.ToLower(service)}}, property(subscription, "FilterPolicy"))
		require.Equal(t, true, property(subscription, "RawMessageDelivery"))
		require.Equal(t, map[string]any{"Fn::GetAtt": []any{service + "Queue", "Arn"}}, property(subscription, "Endpoint"))
		require.Equal(t, 10, property(queue, "RedrivePolicy", "maxReceiveCount"))
		require.Equal(t, map[string]any{"Fn::GetAtt": []any{service + "DeadLetters", "Arn"}}, property(queue, "RedrivePolicy", "deadLetterTargetArn"))
		require.Equal(t, 14*24*60*60, property(dead, "MessageRetentionPeriod"))
	}
}

func TestTemplates_AlarmsTellSomebody(t *testing.T) {
	t.Parallel()
	var told []string
	for _, r := range infra.All(load(t), "AWS::CloudWatch::Alarm") {
		require.NotEmptyf(t, property(r, "AlarmActions"), "%s tells nobody", r.Name)
		told = append(told, fmt.Sprint(property(r, "Namespace"), " ", property(r, "MetricName")))
	}
	for _, want := range []string{
		"AWS/SQS ApproximateNumberOfMessagesVisible", "AWS/SQS ApproximateAgeOfOldestMessage", "AWS/RDS CPUUtilization",
		"AWS/RDS FreeStorageSpace", "AWS/RDS FreeableMemory", "AWS/RDS DatabaseConnections", "AWS/ApiGateway 5xx", "AWS/ApiGateway Latency",
	} {
		require.Contains(t, told, want)
	}
	require.Len(t, infra.All(load(t), "AWS::Budgets::Budget"), 1)
}

// Everything that the services' roles may do is called by their code, and what code calls they may.
func TestTemplates_RolesMayWhatCodeCallsAndNoMore(t *testing.T) {
	t.Parallel()
	for role, code := range map[string][]string{
		"Auth":        {"../../auth", "../../shared"},
		"Transaction": {"../../transaction", "../../shared"},
	} {
		called, err := infra.CalledActions(code...)
		require.NoError(t, err)
		var may []string
		for _, r := range infra.All(load(t), "AWS::IAM::Role", "AWS::IAM::RolePolicy") {
			if !strings.HasPrefix(r.Name, role) {
				continue
			}
			for _, s := range r.Statements() {
				if s.Principal == nil {
					may = append(may, s.Actions...)
				}
			}
		}
		slices.Sort(may)
		require.Equal(t, called, slices.Compact(may), role)
	}
}

func TestTemplates_NoStatementAllowsTooMuch(t *testing.T) {
	t.Parallel()
	for _, r := range infra.All(load(t)) {
		for _, s := range r.Statements() {
			if s.Effect != "Allow" || s.Where == "data/Key" { // of a key's policy, "*" is that key
				continue
			}
			for _, action := range s.Actions {
				require.NotContainsf(t, action, "*", "%s", s.Where)
				if slices.Contains(s.Resources, any("*")) {
					require.Equalf(t, "servicediscovery:DiscoverInstances", action, "%s: on every resource", s.Where)
				}
			}
			require.NotEqualf(t, "*", s.Principal, "%s: anybody", s.Where)
		}
	}
}

// What a layer asks for and no stage gives is put out by a layer before it.
func TestTemplates_WhatALayerAsksForComesFromThoseBefore(t *testing.T) {
	t.Parallel()
	for _, stage := range stages {
		given := settings(t, stage)
		put := map[string]string{}
		for _, template := range load(t) {
			for _, name := range sortedNames(template.Parameters) {
				p := template.Parameters[name]
				_, set := given[template.Layer][name]
				from, is := put[name]
				if set || p.Default != nil || template.Layer+"."+name == "edge.ListenerArn" { // the cluster makes that
					continue
				}
				require.Truef(t, is, "%s: nothing gives %s.%s", stage, template.Layer, name)
				require.Equal(t, "from "+from, p.Description)
			}
			for name := range template.Outputs {
				require.Emptyf(t, put[name], "%s is put out twice", name)
				put[name] = template.Layer
			}
		}
		for layer, keys := range given {
			if layer == "cluster" { // those of infra/fill.sh
				continue
			}
			i := slices.IndexFunc(load(t), func(x infra.Template) bool { return x.Layer == layer })
			require.GreaterOrEqualf(t, i, 0, "%s: no layer %s", stage, layer)
			for key := range keys {
				require.Containsf(t, load(t)[i].Parameters, key, "%s: %s has no parameter %s", stage, layer, key)
			}
		}
	}
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
