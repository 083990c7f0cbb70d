package cost

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/micropay/micropay/testing/infra"
)

const (
	gb      = 1e6 // KB
	million = 1e6
	baseIO  = 12_000 // that come with 400 GB or more of gp3
)

// sizes are the instance sizes in units of a large one.
var sizes = map[string]float64{"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8, "8xlarge": 16, "12xlarge": 24, "16xlarge": 32}

// hourly is the price of an instance: its own, or that of another size of its family in proportion.
func (e *Estimate) hourly(class string) (float64, error) {
	if _, listed := e.Prices[class]; listed {
		return e.usdOf(class), nil
	}
	dot := strings.LastIndexByte(class, '.')
	for name := range e.Prices {
		at := strings.LastIndexByte(name, '.')
		if at == dot && dot > 0 && name[:at] == class[:dot] && sizes[class[dot+1:]] > 0 && sizes[name[at+1:]] > 0 {
			return e.usdOf(name) * sizes[class[dot+1:]] / sizes[name[at+1:]], nil
		}
	}
	return 0, fmt.Errorf("no price of %s", class)
}

func (e *Estimate) usdOf(name string) float64 {
	p, ok := e.Prices[name]
	if !ok {
		panic("infra/prices.yaml has no " + name)
	}
	e.Used[name] = true
	return p.USD
}

func (e *Estimate) add(l Load, service string, usd float64) {
	if !slices.Contains(e.services, service) {
		e.services = append(e.services, service)
	}
	if e.usd[l.Name] == nil {
		e.usd[l.Name] = map[string]float64{}
	}
	e.usd[l.Name][service] += usd
}

// price adds the lines of one load.
func (e *Estimate) price(l Load, made map[string][]infra.Resource) error {
	if err := e.priceNodes(l); err != nil {
		return err
	}
	if err := e.priceDatabase(l, made); err != nil {
		return err
	}
	e.priceWay(l, made)
	e.priceEvents(l)
	n := l.Transfers()
	e.add(l, "Cognito", max(0, n/e.Use.PerPerson-10_000)*e.usdOf("cognito_mau"))
	logs := n * e.Use.Requests * e.Use.AccessLogKB / gb
	e.add(l, "CloudWatch", float64(len(made["AWS::CloudWatch::Alarm"]))*e.usdOf("alarm")+logs*e.usdOf("log_gb"))
	secrets := float64(len(made["AWS::SecretsManager::Secret"]) + 1)     // and the one that RDS keeps
	images := float64(len(made["AWS::ECR::Repository"])) * 30 * 10 / 1e3 // thirty of 10 MB each, packed
	e.add(l, "Secrets, keys, images", secrets*e.usdOf("secret")+float64(len(made["AWS::KMS::Key"]))*e.usdOf("kms_key")+images*e.usdOf("ecr_gb"))
	return nil
}

func (e *Estimate) priceNodes(l Load) error {
	node, count := cmp.Or(l.Node, e.nodes.InstanceType), cmp.Or(l.Nodes, e.nodes.DesiredCapacity)
	each, err := e.hourly(node)
	if err != nil {
		return err
	}
	s := e.shapes[l.Name]
	s.node, s.nodes = node, count
	e.shapes[l.Name] = s
	e.add(l, "EKS and nodes", hours*(e.usdOf("eks_hour")+float64(count)*each)+float64(count)*e.nodes.VolumeSize*e.usdOf("ebs_gb"))
	return nil
}

func (e *Estimate) priceDatabase(l Load, made map[string][]infra.Resource) error {
	for _, r := range made["AWS::RDS::DBInstance"] {
		class := cmp.Or(l.Database, fmt.Sprint(r.Properties["DBInstanceClass"]))
		each, err := e.hourly(class)
		if err != nil {
			return err
		}
		given, err := strconv.ParseFloat(fmt.Sprint(r.Properties["AllocatedStorage"]), 64)
		if err != nil {
			return fmt.Errorf("%s: AllocatedStorage: %w", r.Name, err)
		}
		times, multi := 1.0, fmt.Sprint(r.Properties["MultiAZ"]) == "true"
		if multi {
			times = 2
		}
		s := e.shapes[l.Name]
		s.database, s.multiAZ, s.storage, s.grown = class, multi, cmp.Or(l.StorageGB, given), l.Transfers()*e.Use.StoredKB/gb
		e.shapes[l.Name] = s
		passing := l.Transfers() * e.Use.PassingKB / gb
		stored := max(s.storage, (s.grown+passing)/2)    // what grows is there for half of the first month
		backups := stored / 2 * e.usdOf("rds_backup_gb") // what changed, beyond the free size of the database
		e.add(l, "RDS", times*(hours*each+stored*e.usdOf("rds_gb")+max(0, l.IOPS-baseIO)*e.usdOf("rds_iops"))+backups)
		e.growth[l.Name] = s.grown * (times*e.usdOf("rds_gb") + e.usdOf("rds_backup_gb")/2)
	}
	return nil
}

// priceWay is what lies between a client and PostgreSQL.
func (e *Estimate) priceWay(l Load, made map[string][]infra.Resource) {
	n := l.Transfers()
	requests := n * e.Use.Requests / million
	e.add(l, "API Gateway", min(requests, 300)*e.usdOf("api_million")+max(0, requests-300)*e.usdOf("api_million_more"))
	through := n * e.Use.Requests * (e.Use.RequestKB + e.Use.ResponseKB) / gb
	e.add(l, "Load balancer", hours*e.usdOf("alb_hour")+through*e.usdOf("alb_lcu"))

	events := n * 2 * e.Use.EventKB / gb // told and heard
	letters := n * e.Use.Letters * e.Use.LetterKB / gb
	interfaces := 0.0
	for _, r := range made["AWS::EC2::VPCEndpoint"] {
		if r.Properties["VpcEndpointType"] == "Interface" {
			interfaces++
		}
	}
	usd := float64(len(made["AWS::EC2::NatGateway"]))*hours*e.usdOf("nat_hour") + float64(len(made["AWS::EC2::EIP"]))*hours*e.usdOf("ipv4_hour")
	if interfaces > 0 {
		usd += interfaces*2*hours*e.usdOf("endpoint_hour") + events*e.usdOf("endpoint_gb") + letters*e.usdOf("nat_gb")
	} else {
		usd += (events + letters) * e.usdOf("nat_gb")
	}
	e.add(l, "NAT and endpoints", usd)
	out := n * e.Use.Requests * e.Use.ResponseKB / gb
	between := n * e.Use.DatabaseKB / 2 / gb
	e.add(l, "Traffic out and between zones", min(out, 10_000)*e.usdOf("out_gb")+max(0, out-10_000)*e.usdOf("out_gb_more")+between*e.usdOf("zone_gb"))
}

func (e *Estimate) priceEvents(l Load) {
	n := l.Transfers() / million
	const idle = 2 * 3 * hours * 3600.0 / 20 / million // two services of three pods ask every 20 seconds when nothing comes
	e.add(l, "SNS and SQS", n/l.EventsPerCall*e.usdOf("sns_million")+(n/l.EventsPerCall+n+idle)*e.usdOf("sqs_million"))
	e.add(l, "SES", n*1000*e.Use.Letters*e.usdOf("ses_thousand"))
}
