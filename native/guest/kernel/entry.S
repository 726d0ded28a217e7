/* entry.S: the ways into ring 0: the PVH entry (32-bit), the trap stubs, and the way down to ring 3. */

/* Xen's PVH note: XEN_ELFNOTE_PHYS32_ENTRY. A loader jumps there in 32-bit protected mode, paging off, ebx pointing to
 * struct hvm_start_info. */
  .section .note.pvh, "a", @note
  .long 4, 4, 18
  .asciz "Xen"
  .long pvh_start

/* The image note for Clicklet's monitor: GuestImage of guest_abi.h. */
  .section .note.clicklet, "a", @note
  .balign 4
  .long 9, guest_image_end - guest_image, 1
  .asciz "Clicklet"
  .balign 4
  .globl guest_image
guest_image:
  .long 1, guest_image_end - guest_image
  .quad __kernel_start, __kernel_end
  .quad __text_start, __text_end
  .quad __rodata_start, __rodata_end
  .quad __data_start, __data_end
  .quad __stack_guard
  .quad __stack_top
  .quad user_start
  .quad kernel_tables
  .quad trap_stubs
  .quad kernel_stack_top
  .quad guest_boot
guest_image_end:

  .section .text.entry, "ax", @progbits
  .code32
pvh_start:
  mov $kernel_stack_top, %esp
  /* The zeroed tables are used already to get into long mode: the first 4 MB one to one, for ring 0. */
  movl $kernel_tables + 0x1000 + 3, kernel_tables
  movl $kernel_tables + 0x2000 + 3, kernel_tables + 0x1000
  movl $0x83, kernel_tables + 0x2000
  movl $0x200083, kernel_tables + 0x2008
  mov $kernel_tables, %eax
  mov %eax, %cr3
  mov $0x620, %eax          /* CR4: PAE, SSE */
  mov %eax, %cr4
  mov $0xc0000080, %ecx     /* EFER: long mode */
  rdmsr
  or $0x100, %eax
  wrmsr
  mov $0x80010033, %eax     /* CR0: GUEST_CR0 */
  mov %eax, %cr0
  lgdt early_gdtr
  ljmp $0x08, $long_mode

  .code64
long_mode:
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov %ebx, %edi
  call kernel_pvh
1:
  cli
  hlt
  jmp 1b

/* void enter_ring3(uint64_t entry, uint64_t stack): interrupts stay off there; they are only taken in halt. */
  .globl enter_ring3
enter_ring3:
  mov $0x23, %eax
  mov %eax, %ds
  mov %eax, %es
  pushq $0x23
  pushq %rsi
  pushq $0x02
  pushq $0x2b
  pushq %rdi
  iretq

/* Trap stubs, GUEST_STUB_SIZE bytes each: push an error code where the CPU did not, push the vector. */
  .balign 16
  .globl trap_stubs
trap_stubs:
  .set n, 0
  .rept 48
  .balign 16
  .if n != 8 && (n < 10 || n > 14) && n != 17 && n != 21 && n != 29 && n != 30
  pushq $0
  .endif
  pushq $n
  jmp trap_common
  .set n, n + 1
  .endr
  .balign 16
trap_common:
  push %rax
  push %rcx
  push %rdx
  push %rsi
  push %rdi
  push %r8
  push %r9
  push %r10
  push %r11
  mov %rsp, %rdi
  cld
  call kernel_trap
  pop %r11
  pop %r10
  pop %r9
  pop %r8
  pop %rdi
  pop %rsi
  pop %rdx
  pop %rcx
  pop %rax
  add $16, %rsp
  iretq

  .section .data.early, "aw", @progbits
  .balign 8
early_gdt:
  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
early_gdtr:
  .word early_gdtr - early_gdt - 1
  .quad early_gdt
  .section .bss.early, "aw", @nobits
  .balign 16
  .skip 8192
  .globl kernel_stack_top
kernel_stack_top:
