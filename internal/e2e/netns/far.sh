#!/bin/sh
# usage: far.sh PREFIX
# One more host beside the two homes of homes.sh, PREFIX-far, on the public segment, with all addresses of 10.66.0.0/16.
set -e
ip netns add "$1-far"
ip -n "$1-far" link set lo up
ip -n "$1-far" link add wan type veth peer name portfar netns "$1-pub"
ip -n "$1-pub" link set portfar master br0 up
ip -n "$1-far" addr add 192.0.0.180/25 dev wan
ip -n "$1-far" link set wan up
ip -n "$1-far" route add local 10.66.0.0/16 dev lo
ip -n "$1-pub" route add 10.66.0.0/16 via 192.0.0.180
