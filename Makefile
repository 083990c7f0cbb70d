# Plain `make` says what there is. Nothing needs installing first but Go, git and make.
SHELL   := /bin/bash
MODULES := shared auth transaction testing coverage micropay
ALL     := $(MODULES:%=./%/...)
ROOT    := $(CURDIR)
# Tools are Go modules of their own (tools/go.mod), so that theirs are not the product's dependencies.
TOOL     = env GOWORK=off go tool -modfile=$(ROOT)/tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[1m%-15s\033[0m %s\n", $$1, $$2}'

.PHONY: run demo audit
run: build ## bring the platform up on :8000, with a PostgreSQL of its own
	@exec bin/micropay serve
demo: build ## tell a story against the running platform: two people and their money
	@bin/micropay demo
audit: build ## walk the whole ledger and prove that it adds up
	@bin/micropay audit

.PHONY: test test-cover test-providers providers tdd-verify
test: ## all tests, shuffled, with the race detector
	go test -race -shuffle=on $(ALL)
test-cover: ## all tests with coverage, gated by coverage/threshold.yaml
	@go run ./coverage/cmd/gate
# Every package with a test named ...Moto...
PROVIDERS = $(shell grep -rl --include='*_test.go' '^func Test[A-Za-z_]*Moto' $(MODULES) | xargs -n 1 dirname | sort -u | sed 's,^,./,')
test-providers: ## the suites that speak to AWS, against moto (by Docker or `pip install 'moto[server]'`)
	MICROPAY_TEST_PROVIDERS=$${MICROPAY_TEST_PROVIDERS:-auto} go test -count=1 -race -run Moto $(PROVIDERS)
providers:
	@echo $(PROVIDERS)
tdd-verify: ## replay history: every red failed, every green passed; writes docs/tdd.md
	@go run ./testing/tdd/cmd/tdd-verify $(ARGS)

.PHONY: torture soak bench
torture: ## the property, fault and attack tests, twenty times as long
	MICROPAY_TORTURE=20 go test -race -count=1 -timeout=2h -v ./testing/properties ./testing/faults ./testing/attacks
soak: build ## half an hour of work: does anything grow, fail or get lost; writes docs/evidence/soak.md (Linux)
	@go run ./testing/soak/cmd/soak $(ARGS)
bench: build ## transfers a second over REST beside the same in SQL, on one PostgreSQL
	@go run ./testing/bench/cmd/bench $(ARGS)

.PHONY: infra-check picture cost
INFRA = $(patsubst %,infra/%.yaml,network registry data identity messaging access watch edge)
infra-check: ## the AWS stack: cfn-lint (`pip install cfn-lint`), and the rules that matter
	@command -v cfn-lint >/dev/null || { echo "cfn-lint is missing: pip install cfn-lint"; exit 1; }
	cfn-lint $(INFRA)
	go test -count=1 ./testing/infra/...
picture: ## draw docs/architecture.svg from docs/architecture.picture
	@go run ./testing/infra/cmd/picture
cost: ## write docs/cost.md from the templates, the cluster file and the price list
	@go run ./testing/infra/cmd/cost

.PHONY: k8s-check k8s-images k8s-e2e k8s-evidence k8s-down
k8s-check: ## render k8s/ and hold it against the API's types and our rules; needs kubectl
	@go run ./testing/k8s/cmd/k8s-check
# The overlay's own images are those of `make images`; this one only looks around in the cluster.
k8s-images: ## build the image of the program that tries what strangers may reach
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/image/reach ./testing/k8s/cmd/reach
	docker build -q -t micropay-reach:local -f testing/k8s/cmd/reach/Dockerfile bin/image
k8s-e2e: ## prove the local overlay on the cluster of KUBECONFIG (INGRESS_URL: its Ingress controller); ARGS=--short: a minute of it
	@go run ./testing/k8s/cmd/k8s-e2e $(ARGS)
k8s-evidence: ## write docs/evidence/kubernetes.md and its plots from what k8s-e2e recorded
	@go run ./testing/k8s/cmd/k8s-evidence
k8s-down: ## take the local overlay, its database included, off the cluster of KUBECONFIG
	kubectl delete namespace micropay micropay-storage --ignore-not-found
	kubectl delete pv micropay-postgres --ignore-not-found

.PHONY: images push up down logs e2e-compose alerts-check
# What the images are stamped with; CI may say otherwise.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
TAG      ?= local
# An ECR registry's address is ACCOUNT.dkr.ecr.REGION.amazonaws.com.
REGISTRY ?=
IMAGE_auth        = micropay-auth-service-repo
IMAGE_transaction = micropay-transaction-service-repo
IMAGE_micropay    = micropay-operator
images: ## build the images of auth, transaction and micropay, tagged $(TAG)
	@for s in auth transaction micropay; do \
	  case $$s in auth) name=$(IMAGE_auth);; transaction) name=$(IMAGE_transaction);; *) name=$(IMAGE_micropay);; esac; \
	  docker build -q -f $$s/Dockerfile -t $$name:$(TAG) --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) . >/dev/null || exit 1; \
	  printf '%s:%s  %s bytes\n' $$name $(TAG) $$(docker image inspect -f '{{.Size}}' $$name:$(TAG)); done
push: ## push them to REGISTRY=..., logged in to where it is ECR
	@[ -n "$(REGISTRY)" ] || { echo 'push: say where to: make push REGISTRY=123456789012.dkr.ecr.us-east-1.amazonaws.com'; exit 2; }
	@case "$(REGISTRY)" in *.dkr.ecr.*.amazonaws.com*) region=$$(echo "$(REGISTRY)" | cut -d. -f4); \
	  aws ecr get-login-password --region $$region | docker login --username AWS --password-stdin "$(REGISTRY)" || exit 1;; esac; \
	for name in $(IMAGE_auth) $(IMAGE_transaction) $(IMAGE_micropay); do \
	  docker tag $$name:$(TAG) "$(REGISTRY)/$$name:$(TAG)" && docker push "$(REGISTRY)/$$name:$(TAG)" || exit 1; done

# PROFILE is empty, or aws-local, observe, prometheus, or several separated by commas; docs/compose.md tells what they are.
PROFILE ?=
up: ## the platform in containers, behind a gateway on http://localhost:8080
	@PROFILE=$(PROFILE) bash deploy/compose/compose.sh up
down: ## stop it; its data stays (docs/compose.md says how it goes)
	@bash deploy/compose/compose.sh down
logs: ## what it says
	@bash deploy/compose/compose.sh logs
e2e-compose: ## the end-to-end suite through the gateway of a platform that is up
	MICROPAY_E2E_URL=$${MICROPAY_E2E_URL:-http://localhost:8080} go test -count=1 -v -run 'TestGateway' ./testing/e2e
alerts-check: ## the alerts: do they come when they should, and does each say what to do; needs promtool
	@command -v promtool >/dev/null || { echo "promtool is missing; it comes with Prometheus (Debian: apt install prometheus)"; exit 1; }
	cd deploy/prometheus && promtool check rules rules.yml && promtool test rules rules_test.yml
	go test -count=1 ./testing/operations

.PHONY: lint vet fmt generate generate-check build clean ci
lint: ## golangci-lint over all modules
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(LINT) run ./...) || exit 1; done
vet: ## go vet over all modules
	go vet $(ALL)
fmt: ## format everything
	@for m in $(MODULES); do (cd $$m && $(LINT) fmt ./...) || exit 1; done
generate: ## make the mocks anew
	go generate $(ALL)
generate-check: generate ## fail when generated files or go.mod files are not current
	@for m in $(MODULES); do (cd $$m && go mod tidy -diff) || exit 1; done
	@git diff --exit-code --stat -- $(MODULES) && [ -z "$$(git status --porcelain -- $(MODULES))" ]
build: ## build bin/micropay
	@go build -o bin/micropay ./micropay/cmd/micropay
clean: ## remove what was built and measured, never .micropay
	rm -rf bin coverage/out
ci: ## what CI runs
	bash .ci/run

.PHONY: secrets vuln
secrets: bin/gitleaks ## is there a secret anywhere in git's history
	@bin/gitleaks git --no-banner --redact -v .
vuln: bin/govulncheck ## known vulnerabilities that the product's code reaches, by https://vuln.go.dev; ARGS='-db file:///...' for a copy
	@for m in shared auth transaction micropay; do echo "vuln $$m"; (cd $$m && $(ROOT)/bin/govulncheck $(ARGS) ./...) || exit 1; done

# These are built once into bin/. golangci-lint has its version from tools/go.mod, but must run inside the workspace, where
# `go tool -modfile` cannot; the others do not go together with its dependencies.
LINT = $(ROOT)/bin/golangci-lint
lint fmt: bin/golangci-lint
bin/golangci-lint: tools/go.mod
	@echo "building golangci-lint (minutes, once)"
	@cd tools && GOWORK=off go build -o $(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/gitleaks:
	GOBIN=$(ROOT)/bin go install github.com/zricethezav/gitleaks/v8@v8.30.1
bin/govulncheck:
	GOBIN=$(ROOT)/bin go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
