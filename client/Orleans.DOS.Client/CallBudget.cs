namespace Orleans.DOS.Client;

/// <summary>The times of one call: together below 6 s, which is what the API promises even when the serving node is killed.</summary>
internal static class CallBudget
{
    /// <summary>From the first attempt to the answer or the failure.</summary>
    public static readonly TimeSpan Total = TimeSpan.FromSeconds(5.8);

    /// <summary>Behind the HTTP door: leaves its client time to hear of the failure within <see cref="Total"/>.</summary>
    public static readonly TimeSpan AtDoor = TimeSpan.FromSeconds(4.8);

    /// <summary>Of one attempt; what is silent that long is asked again, by the same request id, maybe elsewhere.</summary>
    public static readonly TimeSpan Attempt = TimeSpan.FromSeconds(3);

    /// <summary>Of one attempt of a long poll.</summary>
    public static readonly TimeSpan LongPollAttempt = Limits.LongPollMax + TimeSpan.FromSeconds(1.5);

    /// <summary>Between attempts.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a wait for something far away (the end of a process) goes on while nobody answers.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
}
