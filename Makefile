# What is done, and how, stands in .ci/run; these are names for its steps.
.DEFAULT_GOAL := help
.PHONY: help test lint fmt tidy fuzz quickstart cover bench vuln apidiff ci

help: ## print this text
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

test: ## the tests of all modules, with the race detector
	@.ci/run test

lint: ## formatting, go.mod, go vet, golangci-lint
	@.ci/run formatted tidied vet lint

fmt: ## format the Go files
	@.ci/run fmt

tidy: ## go mod tidy in all modules
	@.ci/run tidy

fuzz: ## each fuzz target for FUZZTIME (default 5s)
	@.ci/run fuzz

quickstart: ## run the quickstart and check what it prints
	@.ci/run quickstart

cover: ## the coverage of the root module, into cover.out
	@.ci/run cover

bench: ## what has moved in the benchmarks since BASE (default HEAD)
	@.ci/run bench

vuln: ## known vulnerabilities (asks the Go vulnerability database)
	@.ci/run vuln

apidiff: ## how the exported API differs from that of BASE (default HEAD)
	@.ci/run apidiff

ci: ## all that a change must pass
	@.ci/run
