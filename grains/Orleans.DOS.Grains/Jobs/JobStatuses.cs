using Orleans.DOS.Catalog;

namespace Orleans.DOS.Jobs;

/// <summary>Statuses made from rows, for jobs that no coordinator holds in memory.</summary>
internal static class JobStatuses
{
    public static JobStatus Of(JobRow row, JobPlan? plan)
    {
        var maps = plan?.MapInputs().Count ?? 0;
        var tasks = maps + (plan?.Partitions ?? 0) + (plan is { HasSample: true } ? 1 : 0);
        var isDone = row.JobState == JobState.Succeeded;
        return new JobStatus
        {
            Id = new JobId(row.JobId),
            Program = row.Program,
            State = row.JobState,
            Reason = row.Reason,
            Output = row.Output,
            Owner = row.Owner,
            Tasks = tasks,
            TasksDone = isDone ? tasks : (int)row.Done,
            TasksRetried = (int)row.Retried,
            BytesTotal = plan?.Bytes ?? 0,
            BytesDone = isDone ? plan?.Bytes ?? 0 : 0,
            BytesLocal = row.BytesLocal,
            ResultsReady = isDone && plan is not null ? plan.Partitions == 0 ? maps : plan.Partitions : 0,
            Results = isDone && plan is not null ? Results(row.Output, plan.Partitions == 0 ? maps : plan.Partitions) : [],
            Created = CatalogTime.To(row.CreatedAt),
            Ended = row.EndedAt is { } ended ? CatalogTime.To(ended) : null,
        };
    }

    public static IReadOnlyList<string> Results(string output, int count) => [.. Enumerable.Range(0, count).Select(part => Result(output, part))];

    public static string Result(string output, int part) => $"{output}/{JobResults.FileName(part)}";
}
