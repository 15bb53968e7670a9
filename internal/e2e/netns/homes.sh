#!/bin/sh
# usage: homes.sh PREFIX KIND-A KIND-B
# Two homes behind routers: hosts PREFIX-a (10.0.1.2) and PREFIX-b (10.0.2.2), routers PREFIX-ra and PREFIX-rb, and between them the
# public segment PREFIX-pub, on which 192.0.0.130 is. A router is of one of these kinds:
#   cone         keeps ports and drops what nobody asked for, as most do
#   cone-reject  keeps ports and refuses what nobody asked for
#   symmetric    gives each connection a port of its own
#   carrier-grade  keeps ports, and is behind a router of its provider, PREFIX-ca or PREFIX-cb, that gives each connection one of its own
# 192.0.0.128/25 is routed nowhere (RFC 6890) and yet not private to those who look at addresses.
set -e
for name in pub ra rb a b; do
	ip netns add "$1-$name"
	ip -n "$1-$name" link set lo up
done
ip -n "$1-pub" link add br0 type bridge
ip -n "$1-pub" link set br0 up
ip -n "$1-pub" addr add 192.0.0.130/25 dev br0

router() { # NAMESPACE KIND: from lan to wan
	translate=masquerade
	unasked=drop
	case $2 in
	cone) ;;
	cone-reject) unasked=accept ;; # nothing listens on the router, which says so
	symmetric) translate="masquerade fully-random" ;;
	*)
		echo "no kind of router: $2" >&2
		exit 1
		;;
	esac
	ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	ip netns exec "$1" nft -f - <<-END
		table ip router {
			chain post { type nat hook postrouting priority 100; policy accept; oifname "wan" $translate; }
			chain in {
				type filter hook input priority 0; policy accept;
				iifname "wan" ct state established,related accept
				iifname "wan" $unasked
			}
			chain through {
				type filter hook forward priority 0; policy accept;
				iifname "wan" ct state established,related accept
				iifname "wan" drop
			}
		}
	END
}

home() { # PREFIX NAME NUMBER KIND
	outer=r$2
	kind=$4
	if [ "$kind" = carrier-grade ]; then
		outer=c$2
		ip netns add "$1-c$2"
		ip -n "$1-c$2" link set lo up
		ip -n "$1-c$2" link add lan type veth peer name wan netns "$1-r$2"
		ip -n "$1-c$2" addr add "100.64.$3.1/24" dev lan
		ip -n "$1-c$2" link set lan up
		ip -n "$1-r$2" addr add "100.64.$3.2/24" dev wan
		ip -n "$1-r$2" link set wan up
		ip -n "$1-r$2" route add default via "100.64.$3.1"
		router "$1-c$2" symmetric
		kind=cone
	fi
	ip -n "$1-$outer" link add wan type veth peer name "port$2" netns "$1-pub"
	ip -n "$1-pub" link set "port$2" master br0 up
	ip -n "$1-$outer" addr add "192.0.0.$((130 + $3 * 10))/25" dev wan
	ip -n "$1-$outer" link set wan up
	ip -n "$1-r$2" link add lan type veth peer name eth0 netns "$1-$2"
	ip -n "$1-r$2" addr add "10.0.$3.1/24" dev lan
	ip -n "$1-r$2" link set lan up
	ip -n "$1-$2" addr add "10.0.$3.2/24" dev eth0
	ip -n "$1-$2" link set eth0 up
	ip -n "$1-$2" route add default via "10.0.$3.1"
	router "$1-r$2" "$kind"
}
home "$1" a 1 "$2"
home "$1" b 2 "$3"
