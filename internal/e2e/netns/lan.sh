#!/bin/sh
# usage: lan.sh PREFIX HOSTS
# One LAN without a router: hosts PREFIX-1, PREFIX-2, … with addresses 10.9.0.1, 10.9.0.2, … on a bridge in namespace PREFIX-0.
set -e
ip netns add "$1-0"
ip -n "$1-0" link set lo up
ip -n "$1-0" link add br0 type bridge mcast_snooping 0
ip -n "$1-0" link set br0 up
for i in $(seq "$2"); do
	ip netns add "$1-$i"
	ip -n "$1-$i" link set lo up
	ip -n "$1-$i" link add eth0 type veth peer name "port$i" netns "$1-0"
	ip -n "$1-0" link set "port$i" master br0 up
	ip -n "$1-$i" addr add "10.9.0.$i/24" dev eth0
	ip -n "$1-$i" link set eth0 up
	ip -n "$1-$i" route add 224.0.0.0/4 dev eth0 # there is no default route
done
