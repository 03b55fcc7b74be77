namespace Orleans.DOS.Jobs;

/// <summary>
/// How many tasks a node is given at once: as many as take a slot for about <see cref="Limits.TaskBatchTime"/>, so that short tasks share
/// messages, workers and commits and long ones stay alone; and few enough at the end that all slots end together.
/// </summary>
public sealed class BatchSize
{
    /// <summary>Of the waiting tasks a slot gets at most one in so many, times the slots: what is left evens out what was unequal.</summary>
    private const int Rounds = 4;
    /// <summary>The newest run weighs one in so many.</summary>
    private const int Memory = 16;
    private double _meanMicroseconds;

    /// <summary>Tells how long a task has run in its worker.</summary>
    public void Add(TimeSpan ran)
    {
        var microseconds = Math.Max(1, ran.TotalMicroseconds);
        _meanMicroseconds = _meanMicroseconds == 0 ? microseconds : _meanMicroseconds + ((microseconds - _meanMicroseconds) / Memory);
    }

    /// <param name="pending">Tasks that wait.</param>
    /// <param name="slots">Of all nodes, at least 1.</param>
    /// <returns>1 to <see cref="Limits.TaskBatchMax"/>; 1 before any task's time is known.</returns>
    public int Next(int pending, int slots)
    {
        if (_meanMicroseconds == 0)
        {
            return 1;
        }
        var byTime = Math.Min(Limits.TaskBatchMax, Limits.TaskBatchTime.TotalMicroseconds / _meanMicroseconds);
        return Math.Max(1, (int)Math.Min(byTime, pending / (Rounds * Math.Max(1, slots))));
    }
}
