// The AWS SDK for JavaScript against the simulator. Run by the environment of `make foreign`; prints one JSON object.
const {
  EMRServerlessClient, CreateApplicationCommand, StartApplicationCommand, GetApplicationCommand, StartJobRunCommand,
  GetJobRunCommand, GetDashboardForJobRunCommand, TagResourceCommand, UntagResourceCommand, ListTagsForResourceCommand,
  StopApplicationCommand, DeleteApplicationCommand, UpdateApplicationCommand, paginateListApplications,
  paginateListJobRuns, ResourceNotFoundException, ValidationException,
} = require("@aws-sdk/client-emr-serverless");

const client = new EMRServerlessClient({ region: "us-east-1", maxAttempts: 1 });
const ROLE = "arn:aws:iam::123456789012:role/job";

async function until(reached) {
  for (let asked = 0; asked < 600; asked++) {
    const answer = await reached();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it took too long");
}

async function refusal(command, kind) {
  try {
    await client.send(command);
  } catch (error) {
    return error instanceof kind ? `${error.name}: ${error.message}` : `not a ${kind.name}: ${error}`;
  }
  return "no refusal";
}

async function applicationIs(state, applicationId) {
  return until(async () => {
    const { application } = await client.send(new GetApplicationCommand({ applicationId }));
    return application.state === state && application;
  });
}

async function main() {
  const made = await client.send(new CreateApplicationCommand({ name: "etl", releaseLabel: "emr-7.10.0", type: "Spark" }));
  const { applicationId, arn } = made;
  await client.send(new StartApplicationCommand({ applicationId }));
  const application = await applicationIs("STARTED", applicationId);
  const { jobRunId } = await client.send(new StartJobRunCommand({
    applicationId, executionRoleArn: ROLE, name: "nightly", jobDriver: { sparkSubmit: { entryPoint: "s3://example-jobs/gold.py" } },
  }));
  const early = await refusal(new GetDashboardForJobRunCommand({ applicationId, jobRunId, attempt: 9 }), ResourceNotFoundException);
  const run = await until(async () => {
    const { jobRun } = await client.send(new GetJobRunCommand({ applicationId, jobRunId }));
    return jobRun.state === "SUCCESS" && jobRun;
  });
  const { url } = await client.send(new GetDashboardForJobRunCommand({ applicationId, jobRunId, attempt: 1 }));
  await client.send(new TagResourceCommand({ resourceArn: arn, tags: { team: "gold", stage: "test" } }));
  await client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: ["stage"] }));
  const { tags } = await client.send(new ListTagsForResourceCommand({ resourceArn: arn }));
  const rows = [];
  for await (const page of paginateListJobRuns({ client, pageSize: 1 }, { applicationId })) rows.push(...page.jobRuns);
  const busy = await refusal(new UpdateApplicationCommand({ applicationId, releaseLabel: "emr-7.11.0" }), ValidationException);
  await client.send(new StopApplicationCommand({ applicationId }));
  await applicationIs("STOPPED", applicationId);
  const updated = await client.send(new UpdateApplicationCommand({ applicationId, releaseLabel: "emr-7.11.0" }));
  await client.send(new DeleteApplicationCommand({ applicationId }));
  const left = [];
  for await (const page of paginateListApplications({ client }, {})) left.push(...page.applications);
  console.log(JSON.stringify({
    application, run, url, tags, rows, early, busy, release: updated.application.releaseLabel, left: left.map((row) => row.id),
    createdAt: run.createdAt instanceof Date,
  }));
}

main().catch((error) => { console.error(error); process.exit(1); });
