/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a job's files are: /tmp/.caisson/jobs/job-N/{out,err}. Commands have the same user and
 * can do anything to them, so nothing here follows a link or waits for a FIFO. It knows no
 * processes.
 */
#ifndef CSN_GUEST_JOB_DIR_H
#define CSN_GUEST_JOB_DIR_H

#include "guest/basics.h"

#include <stdint.h>

#define CSN_JOB_DIR CSN_GUEST_DIR "/jobs"
#define CSN_JOB_PREFIX "job-"
#define CSN_JOB_NAME_SIZE 16
#define CSN_JOB_OUT "out"
#define CSN_JOB_ERR "err"

void csn_job_name(uint32_t number, char name[CSN_JOB_NAME_SIZE]);

/* The number of "job-12"; 0 for anything else. */
uint32_t csn_job_number(const char *name);

/* Make a job's folder, which must not be there yet. Returns it as a descriptor, or -1 and errno. */
int csn_job_dir_make(uint32_t number);

/* A new file in it, for writing; or -1 and errno. */
int csn_job_file_make(int dir, const char *name);

/* One of a job's files, for reading: a descriptor and its size; -1 where there is no such file. */
int csn_job_file_open(uint32_t number, const char *name, uint64_t *size);

/* Remove a job's folder with what we put there. */
void csn_job_dir_remove(uint32_t number);

#endif
