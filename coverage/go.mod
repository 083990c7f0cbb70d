module github.com/micropay/micropay/coverage

go 1.26.0

toolchain go1.26.11

replace (
	github.com/micropay/micropay/auth => ../auth
	github.com/micropay/micropay/micropay => ../micropay
	github.com/micropay/micropay/shared => ../shared
	github.com/micropay/micropay/testing => ../testing
	github.com/micropay/micropay/transaction => ../transaction
)

require (
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/tools v0.52.0
)
