using Orleans.DOS.Clock;
using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Client.Cluster;

/// <summary>Makes calls to grains as one caller on one machine: context, credential, repeats within the budget, mapped failures.</summary>
internal sealed class ClusterCaller(
    IGrainFactory grains, MachineId machine, Caller caller, RequestIds requests, ClusterMachineOptions options, TimeProvider time)
{
    public IGrainFactory Grains => grains;
    public MachineId Machine => machine;
    public TimeProvider Time => time;
    public int ReadBytesMax => options.ReadBytesMax;

    public ClusterCaller With(RequestId request) => new(grains, machine, caller, new RequestIds(request), options, time);

    /// <summary>A call that changes nothing: Unavailable when nobody answered.</summary>
    public Task<T> ReadAsync<T>(Func<CallContext, Task<T>> call, CancellationToken cancellationToken) =>
        CallAsync(call, RequestId.None, CallBudget.Attempt, cancellationToken);

    /// <summary>A call that answers when something happens, or after <see cref="Limits.LongPollMax"/>.</summary>
    public Task<T> PollAsync<T>(Func<CallContext, Task<T>> call, CancellationToken cancellationToken) =>
        CallAsync(call, RequestId.None, CallBudget.LongPollAttempt, cancellationToken);

    /// <summary>A call that changes state: OutcomeUnknown when an attempt may have been carried out unheard.</summary>
    public Task<T> ChangeAsync<T>(Func<CallContext, Task<T>> call, CancellationToken cancellationToken) =>
        CallAsync(call, requests.Next(), CallBudget.Attempt, cancellationToken);

    /// <summary>One that waits for room, for at most <see cref="Limits.LongPollMax"/>, before it changes anything.</summary>
    public Task<T> ChangeWhenThereIsRoomAsync<T>(Func<CallContext, Task<T>> call, CancellationToken cancellationToken) =>
        CallAsync(call, requests.Next(), CallBudget.LongPollAttempt, cancellationToken);

    public Task ChangeAsync(Func<CallContext, Task> call, CancellationToken cancellationToken) =>
        ChangeAsync(
            async context =>
            {
                await call(context).ConfigureAwait(false);
                return true;
            },
            cancellationToken);

    private async Task<T> CallAsync<T>(Func<CallContext, Task<T>> call, RequestId request, TimeSpan attemptMax, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var unheard = false;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            DosError failure;
            try
            {
                var left = options.Budget - time.GetElapsedTime(begun);
                return await AttemptAsync(call, request, left < attemptMax ? left : attemptMax, cancellationToken).ConfigureAwait(false);
            }
            catch (DosException exception) when (exception.Code == DosErrorCode.Unavailable)
            {
                failure = exception.Error;
            }
            catch (Exception exception) when (ClusterFailures.IsLostCall(exception))
            {
                unheard = true;
                failure = new DosError(DosErrorCode.Unavailable, "no node answered in time");
            }
            var pause = failure.RetryAfter is { } wait && wait > CallBudget.Pause ? wait : CallBudget.Pause;
            if (time.GetElapsedTime(begun) + pause + CallBudget.Pause >= options.Budget)
            {
                throw request != RequestId.None && unheard
                    ? new DosException(DosErrorCode.OutcomeUnknown, $"no answer came in time, the call may or may not have been carried out (request {request})")
                    : failure.ToException();
            }
            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<T> AttemptAsync<T>(Func<CallContext, Task<T>> call, RequestId request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        // Set inside this method, so that it flows into the call and not back to whoever called the SDK.
        if (options.Token is { } token)
        {
            RequestContext.Set(Credentials.RequestContextKey, token);
        }
        var answer = call(Context(request));
        try
        {
            return await answer.WaitAsync(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (!answer.IsCompleted)
        {
            // The abandoned attempt fails later, when nobody listens any more; its repeat decides.
            _ = answer.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw;
        }
    }

    private CallContext Context(RequestId request) => new()
    {
        Machine = machine,
        Principal = caller.Principal,
        Process = caller.Process,
        Incarnation = caller.Incarnation,
        NodeIncarnation = options.NodeIncarnation(),
        Request = request,
        Time = options.Clock?.Invoke() ?? HybridTime.From(time.GetUtcNow().ToUnixTimeMilliseconds(), 0),
    };
}
