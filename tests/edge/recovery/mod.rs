//! What is lost, late, doubled or odd on the way, and what must not be lost or said twice for it.
//!
//! Every scenario ends with each consumer message answered once and in order, or handed to people, or ignored for a
//! reason that it states. A test of the house checks that each test in this list exists.
//!
//! | fault | scenario |
//! |---|---|
//! | drop after any frame, 1000 and 1006 | `the_socket_may_break_after_any_frame_with_and_without_a_close_frame` |
//! | drop at the n-th request, before it, before and after its answer | `any_request_at_which_the_socket_breaks_costs_the_consumer_nothing` |
//! | drop before and after the acknowledgement of each kind of request | `the_socket_may_break_before_and_after_the_acknowledgement_of_every_kind_of_request` |
//! | drop in mid-answer | `a_break_before_or_after_the_acknowledgement_in_mid_answer_loses_and_repeats_nothing` |
//! | close 4401, 4407, 1011, 1008, 1006, 1000, 1001, 1012, 4429, unknown | `each_way_a_socket_closes_leads_back_online_with_a_new_log_in_only_where_the_code_says_so` |
//! | revoked token, cut without a code | `a_second_quick_break_is_taken_for_a_revoked_token` |
//! | dropped at once again and again | `back_off_grows_until_a_connection_has_lasted_for_a_minute` |
//! | upgrade 401 | `an_upgrade_that_is_refused_with_401_leads_to_a_new_log_in` |
//! | upgrade 502 | `an_upgrade_that_fails_with_502_is_tried_again_with_the_same_token` |
//! | domains, log-in, refresh, upgrade fail or go unanswered | `every_http_request_may_fail_or_go_unanswered_when_the_token_has_been_revoked` |
//! | log-in 401 | `refused_credentials_keep_it_up_with_a_hint_and_a_slow_retry_until_they_are_put_right` |
//! | log-in 429, 451, 5xx | `a_log_in_that_is_throttled_blocked_or_fails_is_tried_again_in_its_own_time` |
//! | refresh 401 | `a_refused_refresh_leads_to_a_new_log_in` |
//! | expired token | `a_session_that_outlives_its_time_on_the_server_is_replaced_behind_the_conversations` |
//! | eviction by a second log-in | `two_programs_on_one_agent_are_recognised_said_plainly_and_not_fought` |
//! | each kind of request never answered | `every_kind_of_request_may_go_unanswered_carried_out_or_not` |
//! | each kind of request answered late | `every_kind_of_request_may_be_answered_late_or_after_its_time_is_over` |
//! | each kind of request refused (429, 500) | `every_kind_of_request_may_be_refused_for_a_while` |
//! | black hole | `a_dead_socket_is_found_by_keep_alive_and_replaced_without_a_log_in` |
//! | slow reading | `a_cloud_that_reads_slowly_only_takes_longer` |
//! | notifications twice, late, out of order | `notifications_that_come_twice_late_or_out_of_order_change_nothing` |
//! | the same for each kind of notification | `every_kind_of_notification_may_come_twice_late_or_out_of_order` |
//! | notification before its answer | `notifications_before_the_answer_of_the_request_that_causes_them_do_no_harm` |
//! | missing notification | `messages_that_never_came_are_found_with_the_next_one` |
//! | unknown notification, DELETE without UPSERT | `notifications_that_fit_nothing_change_nothing` |
//! | bare arrays, unknown enums and fields, COBROWSE dialog, missing `lastContentEventNotification`, role or `participantsDetails` | `a_whole_talk_works_in_every_shape_that_the_service_has_been_seen_to_send` |
//! | invalid frames | `frames_that_are_no_json_or_of_unknown_kinds_are_counted_and_lose_no_message` |
//! | huge frame | `a_frame_that_is_too_long_costs_the_connection_and_no_message` |
//! | snapshot of 1,000 conversations | `a_thousand_open_conversations_are_rebuilt_before_online` |
//! | ring cancelled after its acceptance | `a_ring_that_is_cancelled_right_after_its_acceptance_or_leads_nowhere_comes_again` |
//! | step-up | `a_step_up_closes_the_window_reads_the_profile_again_and_tells_the_bot_once` |
//! | survey dialog | `close_closes_the_dialog_with_its_survey_and_without_survey_the_conversation` |
//! | private message | `private_notes_and_own_old_messages_are_never_input` |
//! | click and its receipt | `a_click_with_its_receipt_is_one_event_with_a_postback_and_is_not_merged` |
//! | power loss | `power_loss_at_any_moment_of_a_talk_loses_nothing_and_says_nothing_twice` |
//! | bot down at the start | `a_bot_that_is_down_at_the_start_finds_its_consumers_waiting_in_the_queue`, `a_bot_that_is_down_at_the_start_costs_nobody_more_than_a_hand_over` |
//! | bot dies in mid-answer | `an_answer_that_was_sent_whole_is_said_whole_though_the_bot_dies_right_after_it`, `a_bot_that_dies_between_two_frames_is_asked_again_for_what_it_had_not_answered`, `a_frame_whose_end_never_comes_says_nothing_and_the_question_is_put_again`, `a_webhook_that_breaks_off_in_mid_body_has_not_answered_and_is_asked_again` |
//! | slow bot | `a_slow_bot_is_waited_for_and_its_answer_is_said_once`, `a_webhook_whose_body_trickles_is_given_up_at_the_request_timeout_and_asked_again` |
//! | wrong bot | `a_bot_that_speaks_of_what_it_has_not_hears_so_and_harms_nobody`, `a_certain_fault_of_the_bot_is_not_resent_and_escalates_at_once` |
//! | bot answers twice | `an_answer_to_any_attempt_is_the_answer_and_a_second_one_is_dropped_and_counted` |
//! | bot answers for another conversation | `an_answer_for_one_conversation_is_never_said_in_another`, `a_reply_that_names_another_event_is_not_said_in_this_conversation` |
//! | flooding bot | `ten_thousand_useless_frames_cost_the_bot_its_connection_and_nobody_an_answer`, `ten_thousand_answers_to_one_question_are_one_answer`, `a_bot_that_talks_on_and_on_in_one_conversation_holds_up_no_other` |
//! | half-closed WebSocket | `a_bot_that_shuts_its_side_of_the_connection_is_dialled_anew_and_asked_again`, `a_bot_that_reads_no_more_is_noticed_within_eighty_seconds_and_asked_again` |
//! | webhook 408, 425, 429, 5xx, `Retry-After` | `statuses_that_may_pass_are_asked_again_after_the_interval_or_a_longer_retry_after` |
//! | webhook redirect, endless body | `a_webhook_that_redirects_or_answers_without_end_is_a_fault_and_people_take_over_at_once` |
//! | more than the bot can take | `a_bot_that_cannot_keep_up_is_asked_the_oldest_first_and_people_take_over_on_time`, `receipts_keep_alives_and_the_status_go_on_for_ten_minutes_of_too_much` |
//! | a consumer says 10,000 things | `a_flood_of_one_consumer_is_answered_whole_and_delays_nobody_else`, `a_flood_is_answered_whole_over_restarts_in_the_middle_of_it`, `three_thousand_messages_are_answered_once_each_through_refusals`, `three_thousand_messages_are_answered_once_each_over_a_restart_in_the_middle` |

mod chaos;
mod connection;
mod deaf;
mod exchange;
mod floods;
mod oddities;
mod publishing;
mod restart;
mod unmarked;
