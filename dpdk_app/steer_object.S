// The compiled XDP program inside the relay's binary, so that there is no file to find at run time.
	.section .rodata
	.global steer_object, steer_object_end
	.balign 8
steer_object:
	.incbin STEER_OBJECT_FILE
steer_object_end:
	.section .note.GNU-stack, "", %progbits
