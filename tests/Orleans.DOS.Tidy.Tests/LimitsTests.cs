using Orleans.DOS.Processes;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>What must hold between bounds, whoever changes one of them.</summary>
public class LimitsTests
{
    [Fact]
    public void Sizes_FitIntoOneAnother()
    {
        Ordered(Limits.NameBytesMax, Limits.PathBytesMax);
        Ordered(Limits.PathDepthMax, Limits.PathBytesMax);
        // Content of a row is stored and read in one call; a journaled frame is a small one, an unsynced window holds a writer's frames.
        Ordered(Limits.InlineBytesMax, Limits.JournaledFrameBytesMax, Limits.FramePayloadBytesMax);
        Ordered(Limits.FramesInFlightMax * (long)Limits.FramePayloadBytesMax, Limits.UnsyncedBytesMax, Limits.SegmentBytesMax);
        Ordered(Limits.ProcessArgumentBytesMax, Limits.RequestBodyBytesMax);
        Ordered(Limits.CapturedOutputBytesMax, Limits.EndedOutputBytesMax);
        Ordered(Limits.StandardInputBufferBytesMax, Limits.RequestBodyBytesMax);
        // UTF-8 takes at most three bytes for a UTF-16 unit.
        Ordered(Limits.TaskInputCharsMax * 3L, WorkerPipeHeader.PayloadBytesMax);
        Ordered(Limits.ReduceInputsMax * 200L, WorkerPipeHeader.PayloadBytesMax);
        Ordered(Limits.ReduceInputsMax, Limits.TasksPerJobMax);
        Ordered(Limits.CatalogBatchMax, Limits.CatalogQueueMax);
    }

    [Fact]
    public void Times_EndBeforeWhatWaitsForThem()
    {
        // Whoever waits must be told before his own time is over.
        Before(Limits.LongPollMax, Limits.CallTimeout);
        Before(Limits.CatalogLockTimeout, Limits.CallTimeout);
        Before(Limits.CatalogLockTimeout, Limits.CatalogStatementTimeout);
        Before(Limits.CallTimeout, Limits.MapOutputUnavailableMax);
        Before(Limits.TaskUnavailablePause, Limits.TaskUnavailableMax);
        // A repeat comes while its client lives; what it repeats must still be in its table then.
        Before(Limits.CallTimeout, Limits.RequestRetention);
        Before(Limits.RequestRetention, Limits.ExitedProcessRetention);
        Before(Limits.RequestRetention, Limits.FinishedJobRetention);
        Before(Limits.RequestRetention, Limits.ChangeRetention);
    }

    private static void Ordered(params long[] sizes) => Assert.Equal(sizes.Order(), sizes);

    private static void Before(TimeSpan first, TimeSpan second) => Assert.True(first < second, $"{first} is not below {second}");
}
