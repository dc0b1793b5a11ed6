# Real phones: baresip plays a tone from a file and records what it hears. Sourced after lib.sh.
# shellcheck shell=bash

# baresip_start NAME NS ADDRESS USER TONE_HZ: a phone that answers by itself; its folder is $WORK/NAME.
baresip_start() {
	local name=$1 where=$2 address=$3 user=$4 tone=$5 folder=$WORK/$1

	mkdir "$folder"
	# Half of full scale for ten minutes.
	sox -n -r 8000 -c 1 -b 16 "$folder/tone.wav" synth 600 sine "$tone" gain -6
	cat >"$folder/config" <<-END
		poll_method epoll
		sip_listen $address:5060
		net_interface net
		rtp_ports ${PHONE_PORTS}
		audio_source aufile,$folder/tone.wav
		audio_player aubridge,none
		audio_alert aubridge,none
		jitter_buffer_delay 1-10
		statmode_default off
		ctrl_tcp_listen 127.0.0.1:4444
		snd_path $folder
		module_path $(baresip_modules)
		module g711.so
		module sndfile.so
		module aufile.so
		module aubridge.so
		module_tmp account.so
		module_app menu.so
		module_app ctrl_tcp.so
	END
	echo "<sip:$user@$address>;regint=0;answermode=auto" >"$folder/accounts"
	touch "$folder/contacts"
	spawn "$name" exec_in_ns "$where" baresip -4 -s -f "$folder"
	wait_for "$name" 10 logged "$name" "baresip is ready"
}

baresip_modules() {
	dpkg -L baresip-core | sed -n 's,/g711\.so$,,p'
}

# baresip_command NAME NS COMMAND [PARAMETER]: by its control socket, a netstring of JSON.
baresip_command() {
	local message
	message=$(jq -cn --arg c "$3" --arg p "${4:-}" '{command: $c, params: $p, token: "e2e"}')
	# shellcheck disable=SC2016 # expanded inside
	in_ns "$2" timeout 5 bash -c '
		exec 3<>/dev/tcp/127.0.0.1/4444
		printf "%d:%s," ${#1} "$1" >&3
		while ! [[ ${answer:-} =~ \"token\":\"e2e\" ]]; do IFS= read -r -d , part <&3; answer=${answer:-}$part,; done' - "$message" ||
		fail "$1 does not take '$3'"
}

# What a phone heard, in its only call.
recorded() {
	echo "$WORK/$1"/dump-*-dec.wav
}

seconds_recorded() { # seconds_recorded NAME N: 8,000 samples of two bytes a second
	[ "$(stat -c %s "$(recorded "$1")")" -ge $(($2 * 16000)) ]
}

rms() { # rms FILE [EFFECT…]
	sox "$@" stat 2>&1 | awk '/RMS +amplitude/ { print $3 }'
}

# sound_check WHAT FILE TONE OTHER SECONDS: the tone was heard for so long, at its level, and not the other one.
sound_check() {
	local sound=$WORK/sound.wav seconds level in_band in_other

	# Read as raw samples, as the file's header is complete only when the call is over; without the silence around it.
	tail -c +45 "$2" | sox -t raw -r 8000 -e signed -b 16 -c 1 - "$sound" silence 1 0.05 1% -1 0.05 1%
	seconds=$(soxi -D "$sound")
	level=$(rms "$sound" -n)
	in_band=$(rms "$sound" -n sinc -t 60 "$(($3 - 100))-$(($3 + 100))")
	in_other=$(rms "$sound" -n sinc -t 60 "$(($4 - 100))-$(($4 + 100))")
	echo "$1: $seconds s of sound, level $level, of that $in_band at $3 Hz and $in_other at $4 Hz"
	# A sine of half of full scale has an RMS amplitude of 0.354.
	awk -v s="$seconds" -v min="$5" -v l="$level" -v b="$in_band" -v o="$in_other" \
		'BEGIN { exit !(s >= min && l > 0.33 && l < 0.38 && b > 0.98 * l && o < 0.02 * l) }'
}
